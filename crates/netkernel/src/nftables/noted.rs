//! What `nft` wants noted beside a set, so that it can write of which fields its keys are (`typeof`): the kernel keeps it and does not look
//! at it. The form is that of libnftnl's `udata.h` and of nft's `enum expr_types`, which stay as they are because rule sets in kernels
//! outlive a version of `nft`: a byte that says what, one that says how long, and the value, numbers in the machine's order.

use super::rule::Field;

/// `NFTNL_UDATA_SET_KEYBYTEORDER`: 0 for keys of several parts.
const KEY_BYTE_ORDER: u8 = 0;
/// `NFTNL_UDATA_SET_KEY_TYPEOF`.
const KEY_TYPEOF: u8 = 3;

/// An expression: its kind, and what else is to be said of it.
mod expression {
    pub(super) const KIND: u8 = 0;
    pub(super) const DATA: u8 = 1;
    pub(super) const PAYLOAD: u32 = 7;
    pub(super) const META: u32 = 9;
    pub(super) const CONCATENATION: u32 = 13;
}

/// Bytes of the packet that no protocol gives a name.
mod payload {
    pub(super) const PROTOCOL: u8 = 0;
    pub(super) const FIELD: u8 = 1;
    pub(super) const BASE: u8 = 2;
    pub(super) const OFFSET: u8 = 3;
    pub(super) const LENGTH: u8 = 4;
}

/// The number of nft's data type for keys of these fields: six bits for each.
pub(super) fn type_of(fields: &[Field]) -> u32 {
    const LINK_NAME: u32 = 41;
    const INTEGER: u32 = 4;
    let kind = |field: &Field| if *field == Field::InputLink { LINK_NAME } else { INTEGER };
    fields.iter().fold(0, |kinds, field| kinds << 6 | kind(field))
}

/// What is noted of a set whose keys are of these fields; none if one of them is of another kind than those that are known here.
pub(super) fn fields(fields: &[Field]) -> Option<Vec<u8>> {
    let parts: Option<Vec<Vec<u8>>> =
        (0..).zip(fields).map(|(number, field)| Some(note(number, &described(*field)?))).collect();
    let all = expressed(expression::CONCATENATION, &parts?.concat());
    Some([number(KEY_BYTE_ORDER, 0), note(KEY_TYPEOF, &all)].concat())
}

fn described(field: Field) -> Option<Vec<u8>> {
    const META_KEY: u8 = 0;
    Some(match field {
        Field::Payload { base, offset, length } => {
            let bits = |bytes: u32| bytes * 8;
            let parts = [
                number(payload::PROTOCOL, 0),
                number(payload::FIELD, 0),
                // nft counts from 1.
                number(payload::BASE, base as u32 + 1),
                number(payload::OFFSET, bits(offset)),
                number(payload::LENGTH, bits(length)),
            ];
            expressed(expression::PAYLOAD, &parts.concat())
        }
        Field::InputLink => {
            expressed(expression::META, &number(META_KEY, libc::NFT_META_IIFNAME.cast_unsigned()))
        }
        _ => return None,
    })
}

fn expressed(kind: u32, data: &[u8]) -> Vec<u8> {
    [number(expression::KIND, kind), note(expression::DATA, data)].concat()
}

fn number(kind: u8, value: u32) -> Vec<u8> {
    note(kind, &value.to_ne_bytes())
}

fn note(kind: u8, value: &[u8]) -> Vec<u8> {
    // A note is shorter than 256 bytes, or it is none.
    let Ok(length) = u8::try_from(value.len()) else { return Vec::new() };
    [&[kind, length], value].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As nft 1.0.6 notes `typeof meta iifname . @nh,64,48`.
    #[test]
    #[cfg(target_endian = "little")]
    fn a_note_is_that_of_nft() {
        let key = [Field::InputLink, Field::network(8, 6)];
        let nfts = [
            &[0, 4, 0, 0, 0, 0, 3, 64, 0, 4, 13, 0, 0, 0, 1, 56][..],
            &[0, 14, 0, 4, 9, 0, 0, 0, 1, 6, 0, 4, 6, 0, 0, 0],
            &[1, 38, 0, 4, 7, 0, 0, 0, 1, 30, 0, 4, 0, 0, 0, 0, 1, 4, 0, 0, 0, 0],
            &[2, 4, 2, 0, 0, 0, 3, 4, 64, 0, 0, 0, 4, 4, 48, 0, 0, 0],
        ];
        assert_eq!(fields(&key), Some(nfts.concat()));
        assert_eq!(fields(&[Field::InputLink, Field::OutputLink]), None);
        assert_eq!(type_of(&key), 0xa44);
    }
}
