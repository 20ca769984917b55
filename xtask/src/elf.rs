//! What the header of an ELF file says of a program (`elf(5)`).

/// The type of the program header that names the dynamic linker: `PT_INTERP`.
const INTERPRETER: u32 = 3;

/// Whether a 64-bit little-endian ELF program needs a dynamic linker, and with it shared libraries. None: it is no such file.
///
/// A static program that can be loaded anywhere has a dynamic section too, but nobody to read it for it.
pub(crate) fn needs_linker(file: &[u8]) -> Option<bool> {
    if file.get(..6)? != b"\x7fELF\x02\x01" {
        return None;
    }
    let offset = usize::try_from(u64::from_le_bytes(bytes(file, 32)?)).ok()?;
    let size = usize::from(u16::from_le_bytes(bytes(file, 54)?));
    let count = usize::from(u16::from_le_bytes(bytes(file, 56)?));
    for number in 0..count {
        let kind = u32::from_le_bytes(bytes(file, offset.checked_add(number * size)?)?);
        if kind == INTERPRETER {
            return Some(true);
        }
    }
    Some(false)
}

fn bytes<const N: usize>(file: &[u8], offset: usize) -> Option<[u8; N]> {
    file.get(offset..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_test_program_is_linked_as_its_target_is() {
        let file = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(needs_linker(&file), Some(cfg!(target_env = "gnu")));
    }

    /// A file with program headers of these kinds.
    fn file(kinds: &[u32]) -> Vec<u8> {
        let mut file = vec![0; 64];
        file[..6].copy_from_slice(b"\x7fELF\x02\x01");
        file[32] = 64;
        file[54] = 56;
        file[56] = u8::try_from(kinds.len()).unwrap();
        for kind in kinds {
            file.extend(kind.to_le_bytes());
            file.extend([0; 52]);
        }
        file
    }

    #[test]
    fn a_program_without_an_interpreter_is_static() {
        assert_eq!(needs_linker(&file(&[1, 2, 6])), Some(false));
        assert_eq!(needs_linker(&file(&[1, 2, 3])), Some(true));
    }

    #[test]
    fn what_is_cut_or_something_else_is_no_program() {
        assert_eq!(needs_linker(b"#!/bin/sh\n"), None);
        assert_eq!(needs_linker(&file(&[1, 2])[..100]), None);
        assert_eq!(needs_linker(&file(&[])[..40]), None);
    }
}
