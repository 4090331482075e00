//! The words of Sportello: money, handles, commands, payments. Pure.
