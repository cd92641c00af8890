//! Order as a type (I1).

/// Proof that `T` derives from records that have reached the disk. Only the journal makes one, after the sync, and
/// the executor and the reply path accept nothing else.
#[must_use]
#[derive(Debug)]
pub struct Committed<T>(T);

impl<T> Committed<T> {
    pub(super) fn new(derived: T) -> Self {
        Self(derived)
    }

    pub fn get(&self) -> &T {
        &self.0
    }

    pub fn into_inner(self) -> T {
        self.0
    }

    /// What follows from something durable is as durable as that.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Committed<U> {
        Committed(f(self.0))
    }
}

impl<A, B> Committed<(A, B)> {
    /// Two things of one batch, each going its own way.
    pub fn split(self) -> (Committed<A>, Committed<B>) {
        let (a, b) = self.0;
        (Committed(a), Committed(b))
    }
}
