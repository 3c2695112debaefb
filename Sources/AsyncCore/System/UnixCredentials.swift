// Who is at the other end of a Unix connection.

/// A process, and who it runs for.
public struct UnixCredentials: Hashable, Sendable {
    /// The process.
    ///
    /// It may have ended since, and another have its number. 0 if it cannot be seen from here.
    public let processID: Int32

    /// Its effective user.
    public let userID: UInt32

    /// Its effective group.
    public let groupID: UInt32
}
