//! Domain configurations of xl, and `xl.conf`: a small language of assignments (`libxlu_cfg_l.l`,
//! `libxlu_cfg_y.y`) that looks like Python and is not.

mod command_line;
mod lexer;
mod list;
mod parser;

pub(crate) use command_line::override_settings;
pub use parser::read;
