//! Bytes of a stream, message by message.

use super::Problem;

pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where the message ends that is being read.
    end: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, end: 0 }
    }

    pub(super) fn position(&self) -> usize {
        self.at
    }

    pub(super) fn is_message_over(&self) -> bool {
        self.at == self.end
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at == self.bytes.len()
    }

    pub(super) fn next_message(&mut self) -> Result<(), Problem> {
        self.end = self.bytes.len();
        let length = self.uint()?;
        let left = self.bytes.len() - self.at;
        match usize::try_from(length) {
            Ok(length) if length <= left && length > 0 => {
                self.end = self.at + length;
                Ok(())
            }
            _ => Err(Problem::Message(length)),
        }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Problem> {
        let end = self.at.checked_add(length).filter(|end| *end <= self.end);
        let end = end.ok_or(Problem::End)?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    pub(super) fn uint(&mut self) -> Result<u64, Problem> {
        let first = self.take(1)?[0];
        if first < 128 {
            return Ok(u64::from(first));
        }
        let length = 256 - usize::from(first);
        if length > 8 {
            return Err(Problem::Number);
        }
        let bytes = self.take(length)?;
        Ok(bytes
            .iter()
            .fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// The lowest bit tells that the others are the complement.
    pub(super) fn int(&mut self) -> Result<i64, Problem> {
        let number = self.uint()?;
        let shifted = (number >> 1).cast_signed();
        Ok(if number & 1 == 0 { shifted } else { !shifted })
    }

    /// The bytes of a float in reverse, so that round numbers are short.
    pub(super) fn float(&mut self) -> Result<f64, Problem> {
        self.uint().map(|number| f64::from_bits(number.swap_bytes()))
    }

    /// A count of elements, each of which takes a byte at least. They may go on in later messages.
    pub(super) fn count(&mut self) -> Result<u64, Problem> {
        let count = self.uint()?;
        if count > (self.bytes.len() - self.at) as u64 {
            return Err(Problem::Length(count));
        }
        Ok(count)
    }

    /// Bytes with their count before them.
    pub(super) fn counted(&mut self) -> Result<&'a [u8], Problem> {
        let count = self.count()?;
        // It fits: it is not larger than the bytes.
        self.take(count as usize)
    }

    pub(super) fn text(&mut self) -> Result<String, Problem> {
        let bytes = self.counted()?;
        String::from_utf8(bytes.to_vec()).map_err(|_| Problem::Text)
    }
}
