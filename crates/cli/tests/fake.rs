//! A server that answers by rote: for what a real one cannot be brought to say at will.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// What is asked of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// `METHOD PATH?QUERY`.
    pub(crate) line: String,
    /// The header `Authorization`.
    pub(crate) token: Option<String>,
    /// The body.
    pub(crate) body: String,
}

/// What it answers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    /// The status.
    pub(crate) status: u16,
    /// Headers, `name: value`.
    pub(crate) headers: Vec<String>,
    /// The body.
    pub(crate) body: String,
}

impl Said {
    /// A status and a body.
    pub(crate) fn new(status: u16, body: &str) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.to_owned(),
        }
    }

    /// With a header.
    pub(crate) fn header(mut self, header: &str) -> Self {
        self.headers.push(header.to_owned());
        self
    }
}

/// The server; ended when dropped.
pub(crate) struct Fake {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    asked: Arc<Mutex<Vec<Asked>>>,
    thread: Option<JoinHandle<()>>,
}

impl Fake {
    /// A server that answers each question with what `answer` makes of its line.
    pub(crate) fn new(mut answer: impl FnMut(&str) -> Said + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (stopped, heard) = (stop.clone(), asked.clone());
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let stream = stream.unwrap();
                let Some(question) = read(&stream) else { continue };
                let said = answer(&question.line);
                heard.lock().unwrap().push(question);
                write(&stream, &said);
            }
        });
        Self {
            address,
            stop,
            asked,
            thread: Some(thread),
        }
    }

    /// Its address as a URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All that was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let line = first.rsplit_once(' ')?.0.to_owned();
    let (mut length, mut token) = (0, None);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim().split_once(": ") else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            "authorization" => token = Some(value.to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Asked {
        line,
        token,
        body: String::from_utf8(body).unwrap(),
    })
}

fn write(mut stream: &TcpStream, said: &Said) {
    let headers: String = said
        .headers
        .iter()
        .map(|header| format!("{header}\r\n"))
        .collect();
    let length = said.body.len();
    let answer = format!(
        "HTTP/1.1 {} x\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{}",
        said.status, said.body
    );
    // A client that went away does not matter.
    let _ = stream.write_all(answer.as_bytes());
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
