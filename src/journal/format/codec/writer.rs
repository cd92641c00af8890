//! Codec 1, written: what [`super::read`] reads. Each value goes straight behind the one before it.

use serde::ser::{
    Serialize, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple, SerializeTupleStruct,
    SerializeTupleVariant, Serializer,
};

use super::{EIGHT_BYTES, FOUR_BYTES, ONE_BYTE_MAX, SIXTEEN_BYTES, TWO_BYTES};

/// A value that has no encoding. One pointer: it passes through every field that is written.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Unwritable(Box<Fault>);

#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("a value of this type has no encoding: {0}")]
    Type(&'static str),
    #[error("{0}")]
    Value(String),
}

impl Unwritable {
    #[cold]
    fn of_type(name: &'static str) -> Self {
        Self(Box::new(Fault::Type(name)))
    }
}

impl serde::ser::Error for Unwritable {
    #[cold]
    fn custom<T: std::fmt::Display>(what: T) -> Self {
        Self(Box::new(Fault::Value(what.to_string())))
    }
}

/// Appends `value` to `out`.
///
/// # Errors
///
/// It holds something that has no encoding; part of it has been appended then.
pub fn write<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), Unwritable> {
    value.serialize(&mut Pen { out })
}

/// Behind everything that was written so far.
struct Pen<'a> {
    out: &'a mut Vec<u8>,
}

impl Pen<'_> {
    /// In as few bytes as it takes, and the one that says how many.
    #[inline]
    fn unsigned(&mut self, value: u64) {
        if value <= u64::from(ONE_BYTE_MAX) {
            self.out.push(value as u8);
        } else {
            self.long(value);
        }
    }

    #[inline]
    fn long(&mut self, value: u64) {
        if let Ok(short) = u16::try_from(value) {
            let [a, b] = short.to_le_bytes();
            self.out.extend_from_slice(&[TWO_BYTES, a, b]);
        } else if let Ok(middle) = u32::try_from(value) {
            let [a, b, c, d] = middle.to_le_bytes();
            self.out.extend_from_slice(&[FOUR_BYTES, a, b, c, d]);
        } else {
            let mut bytes = [EIGHT_BYTES; 9];
            bytes[1..].copy_from_slice(&value.to_le_bytes());
            self.out.extend_from_slice(&bytes);
        }
    }

    #[inline]
    fn widest(&mut self, value: u128) {
        if let Ok(narrow) = u64::try_from(value) {
            return self.unsigned(narrow);
        }
        let mut bytes = [SIXTEEN_BYTES; 17];
        bytes[1..].copy_from_slice(&value.to_le_bytes());
        self.out.extend_from_slice(&bytes);
    }

    /// Folded: 0, -1, 1, -2 …
    #[inline]
    fn signed(&mut self, value: i64) {
        self.unsigned(((value << 1) ^ (value >> 63)) as u64);
    }
}

macro_rules! integers {
    ($($write:ident $type:ident as $with:ident)*) => {
        $(#[inline]
        fn $write(self, value: $type) -> Result<(), Unwritable> {
            self.$with(value.into());
            Ok(())
        })*
    };
}

macro_rules! no_encoding {
    ($($write:ident $type:ty)*) => {
        $(fn $write(self, _: $type) -> Result<(), Unwritable> {
            Err(Unwritable::of_type(stringify!($type)))
        })*
    };
}

impl Serializer for &mut Pen<'_> {
    type Ok = ();
    type Error = Unwritable;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = serde::ser::Impossible<(), Unwritable>;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    integers! {
        serialize_u16 u16 as unsigned
        serialize_u32 u32 as unsigned
        serialize_u64 u64 as unsigned
        serialize_u128 u128 as widest
        serialize_i16 i16 as signed
        serialize_i32 i32 as signed
        serialize_i64 i64 as signed
    }

    no_encoding! {
        serialize_i8 i8
        serialize_i128 i128
        serialize_f32 f32
        serialize_f64 f64
        serialize_char char
        serialize_bytes &[u8]
    }

    #[inline]
    fn serialize_bool(self, value: bool) -> Result<(), Unwritable> {
        self.out.push(value.into());
        Ok(())
    }

    #[inline]
    fn serialize_u8(self, value: u8) -> Result<(), Unwritable> {
        self.out.push(value);
        Ok(())
    }

    #[inline]
    fn serialize_str(self, text: &str) -> Result<(), Unwritable> {
        self.unsigned(text.len() as u64);
        self.out.extend_from_slice(text.as_bytes());
        Ok(())
    }

    #[inline]
    fn serialize_none(self) -> Result<(), Unwritable> {
        self.serialize_bool(false)
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unwritable> {
        self.out.push(true.into());
        value.serialize(self)
    }

    #[inline]
    fn serialize_unit(self) -> Result<(), Unwritable> {
        Ok(())
    }

    #[inline]
    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Unwritable> {
        Ok(())
    }

    #[inline]
    fn serialize_unit_variant(self, _: &'static str, index: u32, _: &'static str) -> Result<(), Unwritable> {
        self.serialize_u32(index)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Unwritable> {
        value.serialize(self)
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), Unwritable> {
        self.unsigned(index.into());
        value.serialize(self)
    }

    #[inline]
    fn serialize_seq(self, length: Option<usize>) -> Result<Self, Unwritable> {
        let length = length.ok_or_else(|| Unwritable::of_type("a list of unknown length"))?;
        self.unsigned(length as u64);
        Ok(self)
    }

    #[inline]
    fn serialize_tuple(self, _: usize) -> Result<Self, Unwritable> {
        Ok(self)
    }

    #[inline]
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Unwritable> {
        Ok(self)
    }

    #[inline]
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Unwritable> {
        self.unsigned(index.into());
        Ok(self)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Unwritable> {
        Err(Unwritable::of_type("a map"))
    }

    #[inline]
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Unwritable> {
        Ok(self)
    }

    #[inline]
    fn serialize_struct_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Unwritable> {
        self.unsigned(index.into());
        Ok(self)
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        false
    }
}

/// Values one behind the other, by whatever name.
macro_rules! in_order {
    ($($compound:ident $element:ident ($($name:ty)?))*) => {
        $(impl $compound for &mut Pen<'_> {
            type Ok = ();
            type Error = Unwritable;

            #[inline]
            fn $element<T: Serialize + ?Sized>(&mut self, $(_: $name,)? value: &T) -> Result<(), Unwritable> {
                value.serialize(&mut **self)
            }

            #[inline]
            fn end(self) -> Result<(), Unwritable> {
                Ok(())
            }
        })*
    };
}

in_order! {
    SerializeSeq serialize_element ()
    SerializeTuple serialize_element ()
    SerializeTupleStruct serialize_field ()
    SerializeTupleVariant serialize_field ()
    SerializeStruct serialize_field (&'static str)
    SerializeStructVariant serialize_field (&'static str)
}
