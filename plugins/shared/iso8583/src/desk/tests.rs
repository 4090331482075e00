mod answers;
mod bytes;
mod doubt;
mod figures;
