//! What a stream says, without its types.

/// A value of a stream. Fields that hold zero values are not in it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// An interface that holds nothing.
    Nil,
    /// A boolean.
    Bool(bool),
    /// A signed number.
    Int(i64),
    /// An unsigned number.
    Uint(u64),
    /// A float of either size.
    Float(f64),
    /// A complex number: real and imaginary part.
    Complex(f64, f64),
    /// Bytes, or what a type wrote of itself.
    Bytes(Vec<u8>),
    /// A string.
    Text(String),
    /// A slice or an array.
    List(Vec<Value>),
    /// A map, in the order it was written.
    Map(Vec<(Value, Value)>),
    /// A struct: names of fields and what they hold.
    Struct(Vec<(String, Value)>),
    /// What an interface holds, with the name of its type.
    Named(String, Box<Value>),
}
