// Whether two errors are one.

/// Tells an error that was thrown on from another one that looks the same.
enum SameError {
    /// Whether both are the same thrown error, not only equal ones.
    static func check(_ one: any Error, _ other: any Error) -> Bool {
        // SAFETY: on Linux an error is one reference to a box, which rethrowing does not change;
        // the bits are compared, and not used. Without `as`, the box would be opened, and the bits
        // of what is in it compared.
        unsafe unsafeBitCast(one as any Error, to: UInt.self)
            == unsafeBitCast(other as any Error, to: UInt.self)
    }
}
