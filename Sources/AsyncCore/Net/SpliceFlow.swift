// When it pays to leave bytes in the kernel.

/// How much one direction of a connection carries, and so how its bytes go.
///
/// A splice costs two system calls as a read and a write do, and a little more; what it saves grows
/// with the bytes that are not copied.
struct SpliceFlow: Equatable {
    /// A read of so many bytes is a large one; a slice of fewer is a small one.
    ///
    /// Measured: from here on a splice is not dearer.
    static let large = 16_384

    /// So many in a row change the way.
    static let inARow = 4

    private var row = 0
    private var isRefused = false

    /// Whether the next bytes stay in the kernel.
    private(set) var splices = false

    /// So many bytes were copied.
    mutating func noteCopied(_ count: Int) {
        row = count >= Self.large && !isRefused ? row + 1 : 0
        if row == Self.inARow { turn() }
    }

    /// So many bytes were spliced.
    mutating func noteSpliced(_ count: Int) {
        row = count < Self.large ? row + 1 : 0
        if row == Self.inARow { turn() }
    }

    /// There is no pipe now: it is tried again after some more large reads.
    mutating func postpone() {
        row = 0
        splices = false
    }

    /// The kernel does not splice these sockets.
    mutating func refuse() {
        postpone()
        isRefused = true
    }

    private mutating func turn() {
        row = 0
        splices.toggle()
    }
}
