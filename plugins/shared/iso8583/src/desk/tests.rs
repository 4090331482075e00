mod answers;
mod bytes;
mod doubt;
mod figures;
mod random;
