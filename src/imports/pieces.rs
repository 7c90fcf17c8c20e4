//! Where a file is cut: between rows, into what one transaction takes on.

/// Rows of a chunk, so that a sign-up waits for no more than that.
const CHUNK_ROWS: i64 = 500;
/// Bytes of a chunk, whichever comes first.
const CHUNK_BYTES: u64 = 1024 * 1024;

/// A part of the file.
#[derive(Debug, Clone, Copy, Default)]
pub struct Piece {
    /// Where it begins.
    pub start: u64,
    /// How many bytes it has.
    pub length: u64,
    /// The number of its first row, from 1.
    pub first_row: i64,
    /// How many rows it has.
    pub rows: i64,
}

/// Cuts rows that come one after the other into pieces.
#[derive(Default)]
pub struct Cutter {
    pieces: Vec<Piece>,
    open: Piece,
}

impl Cutter {
    /// The next row.
    pub fn row(&mut self, start: u64, end: u64) {
        if self.open.rows == 0 {
            self.open.start = start;
            self.open.first_row = self.pieces.last().map_or(1, |piece| piece.first_row + piece.rows);
        }
        self.open.rows += 1;
        self.open.length = end - self.open.start;
        if self.open.rows == CHUNK_ROWS || self.open.length >= CHUNK_BYTES {
            self.pieces.push(std::mem::take(&mut self.open));
        }
    }

    /// The pieces, behind the last row.
    pub fn finish(mut self) -> Vec<Piece> {
        if self.open.rows > 0 {
            self.pieces.push(self.open);
        }
        self.pieces
    }
}
