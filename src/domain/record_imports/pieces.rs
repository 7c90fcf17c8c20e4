//! Cuts a file between rows into pieces small enough for one transaction.

/// Maximum rows of a chunk, so that a sign-up never waits longer than these take.
const CHUNK_ROWS: i64 = 500;
/// Maximum bytes of a chunk, if that limit is reached first.
const CHUNK_BYTES: u64 = 1024 * 1024;

/// A part of the file.
#[derive(Debug, Clone, Copy, Default)]
pub struct Piece {
    /// Offset of the first byte.
    pub start: u64,
    pub length: u64,
    /// Number of the first row, from 1.
    pub first_row: i64,
    pub rows: i64,
}

/// Cuts consecutive rows into pieces.
#[derive(Default)]
pub(super) struct Cutter {
    pieces: Vec<Piece>,
    open: Piece,
}

impl Cutter {
    pub(super) fn row(&mut self, start: u64, end: u64) {
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

    /// All pieces, after the last row.
    pub(super) fn finish(mut self) -> Vec<Piece> {
        if self.open.rows > 0 {
            self.pieces.push(self.open);
        }
        self.pieces
    }
}
