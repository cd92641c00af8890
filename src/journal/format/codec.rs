//! Codec 1: the bytes of section 4 of `journal-format.md`, read here, written by [`write()`].
//!
//! The crate that they come from could do both, and tests hold the two together byte by byte. But it carries an error of
//! forty bytes through each number of each record. To read a history back is what everybody waits for, and to encode a
//! large batch takes as long as the disk does: this reads in half the time, and writes in two thirds of it.

mod writer;

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, SeqAccess, VariantAccess, Visitor,
};

use super::payload::PAYLOAD_BYTES_LIMIT;

pub use writer::{Unwritable, write};

/// Up to here an unsigned integer is its own byte; behind that it is said how many follow.
const ONE_BYTE_MAX: u8 = 250;
const TWO_BYTES: u8 = 251;
const FOUR_BYTES: u8 = 252;
const EIGHT_BYTES: u8 = 253;
const SIXTEEN_BYTES: u8 = 254;

/// Bytes that are nothing in this encoding. One pointer: it passes through every field that is read.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Malformed(Box<Fault>);

#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("the bytes end within a value")]
    End,
    #[error("the bytes are more than {PAYLOAD_BYTES_LIMIT}")]
    TooLong,
    #[error("{found} begins no integer of at most {bytes} bytes")]
    Integer { found: u8, bytes: usize },
    #[error("{found} is neither 0 nor 1")]
    Flag { found: u8 },
    #[error("a text is not UTF-8")]
    Text(#[from] std::str::Utf8Error),
    #[error("a value of this type has no encoding: {0}")]
    Type(&'static str),
    #[error("{0}")]
    Value(String),
}

impl From<Fault> for Malformed {
    #[cold]
    fn from(fault: Fault) -> Self {
        Self(Box::new(fault))
    }
}

impl serde::de::Error for Malformed {
    #[cold]
    fn custom<T: std::fmt::Display>(what: T) -> Self {
        Fault::Value(what.to_string()).into()
    }
}

/// Reads one value from the beginning of `bytes`; also returns how many it took.
///
/// # Errors
///
/// The bytes are not those of a `T`. Nothing that they say makes this reserve more room than they take themselves.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, usize), Malformed> {
    if bytes.len() > PAYLOAD_BYTES_LIMIT {
        return Err(Fault::TooLong.into());
    }
    let mut cursor = Cursor { rest: bytes };
    let value = T::deserialize(&mut cursor)?;
    Ok((value, bytes.len() - cursor.rest.len()))
}

/// What has not been read yet.
struct Cursor<'de> {
    rest: &'de [u8],
}

impl<'de> Cursor<'de> {
    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (array, rest) = self.rest.split_first_chunk().ok_or(Fault::End)?;
        self.rest = rest;
        Ok(*array)
    }

    #[inline]
    fn byte(&mut self) -> Result<u8, Malformed> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    /// An unsigned integer of a type that has so many bytes; eight at most.
    #[inline]
    fn unsigned(&mut self, bytes: usize) -> Result<u64, Malformed> {
        match self.byte()? {
            one @ 0..=ONE_BYTE_MAX => Ok(u64::from(one)),
            TWO_BYTES => Ok(u64::from(u16::from_le_bytes(self.array()?))),
            FOUR_BYTES if bytes >= 4 => Ok(u64::from(u32::from_le_bytes(self.array()?))),
            EIGHT_BYTES if bytes >= 8 => Ok(u64::from_le_bytes(self.array()?)),
            found => Err(Fault::Integer { found, bytes }.into()),
        }
    }

    #[inline]
    fn widest(&mut self) -> Result<u128, Malformed> {
        if self.rest.first() == Some(&SIXTEEN_BYTES) {
            self.rest = &self.rest[1..];
            return Ok(u128::from_le_bytes(self.array()?));
        }
        self.unsigned(8).map(u128::from)
    }

    /// Signed ones are folded: 0, -1, 1, -2 …
    #[inline]
    fn signed(&mut self, bytes: usize) -> Result<i64, Malformed> {
        let folded = self.unsigned(bytes)?;
        Ok((folded >> 1) as i64 ^ -((folded & 1) as i64))
    }

    #[inline]
    fn flag(&mut self) -> Result<bool, Malformed> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            found => Err(Fault::Flag { found }.into()),
        }
    }

    #[inline]
    fn length(&mut self) -> Result<usize, Malformed> {
        let length = self.unsigned(8)?;
        usize::try_from(length).map_err(|_| Fault::End.into())
    }

    #[inline]
    fn text(&mut self) -> Result<&'de str, Malformed> {
        let length = self.length()?;
        let (text, rest) = self.rest.split_at_checked(length).ok_or(Fault::End)?;
        self.rest = rest;
        Ok(std::str::from_utf8(text).map_err(Fault::Text)?)
    }
}

macro_rules! integers {
    ($($read:ident $visit:ident $of:ident as $type:ident)*) => {
        $(#[inline]
        fn $read<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
            visitor.$visit(self.$of(size_of::<$type>())? as $type)
        })*
    };
}

macro_rules! no_encoding {
    ($($read:ident)*) => {
        $(fn $read<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Malformed> {
            Err(Fault::Type(stringify!($read)).into())
        })*
    };
}

impl<'de> Deserializer<'de> for &mut Cursor<'de> {
    type Error = Malformed;

    // Of the integers that a value here is read as, none is wider than the type that it is made.
    integers! {
        deserialize_u16 visit_u16 unsigned as u16
        deserialize_u32 visit_u32 unsigned as u32
        deserialize_u64 visit_u64 unsigned as u64
        deserialize_i16 visit_i16 signed as i16
        deserialize_i32 visit_i32 signed as i32
        deserialize_i64 visit_i64 signed as i64
    }

    no_encoding! {
        deserialize_any deserialize_f32 deserialize_f64 deserialize_char deserialize_bytes deserialize_byte_buf
        deserialize_map deserialize_identifier deserialize_ignored_any deserialize_i8 deserialize_i128
    }

    #[inline]
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        visitor.visit_bool(self.flag()?)
    }

    #[inline]
    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        visitor.visit_u8(self.byte()?)
    }

    #[inline]
    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        visitor.visit_u128(self.widest()?)
    }

    #[inline]
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        visitor.visit_borrowed_str(self.text()?)
    }

    #[inline]
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        visitor.visit_borrowed_str(self.text()?)
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        if self.flag()? { visitor.visit_some(self) } else { visitor.visit_none() }
    }

    #[inline]
    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        visitor.visit_unit()
    }

    #[inline]
    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Malformed> {
        visitor.visit_unit()
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Malformed> {
        visitor.visit_newtype_struct(self)
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        let left = self.length()?;
        visitor.visit_seq(Elements { cursor: self, left })
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(self, left: usize, visitor: V) -> Result<V::Value, Malformed> {
        visitor.visit_seq(Elements { cursor: self, left })
    }

    #[inline]
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        left: usize,
        visitor: V,
    ) -> Result<V::Value, Malformed> {
        visitor.visit_seq(Elements { cursor: self, left })
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Malformed> {
        visitor.visit_seq(Elements { cursor: self, left: fields.len() })
    }

    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Malformed> {
        visitor.visit_enum(self)
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        false
    }
}

/// Values one behind the other.
struct Elements<'a, 'de> {
    cursor: &'a mut Cursor<'de>,
    left: usize,
}

impl<'de> SeqAccess<'de> for Elements<'_, 'de> {
    type Error = Malformed;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Malformed> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        seed.deserialize(&mut *self.cursor).map(Some)
    }

    /// Each element of a list takes a byte at least.
    #[inline]
    fn size_hint(&self) -> Option<usize> {
        Some(self.left.min(self.cursor.rest.len()))
    }
}

impl<'de> EnumAccess<'de> for &mut Cursor<'de> {
    type Error = Malformed;
    type Variant = Self;

    #[inline]
    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Malformed> {
        let index = self.unsigned(size_of::<u32>())? as u32;
        let variant = seed.deserialize(IntoDeserializer::<Malformed>::into_deserializer(index))?;
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for &mut Cursor<'de> {
    type Error = Malformed;

    #[inline]
    fn unit_variant(self) -> Result<(), Malformed> {
        Ok(())
    }

    #[inline]
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Malformed> {
        seed.deserialize(self)
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(self, left: usize, visitor: V) -> Result<V::Value, Malformed> {
        visitor.visit_seq(Elements { cursor: self, left })
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Malformed> {
        visitor.visit_seq(Elements { cursor: self, left: fields.len() })
    }
}
