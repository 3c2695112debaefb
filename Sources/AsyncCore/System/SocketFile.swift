// The file that a path of a Unix socket stands for.
internal import CEventLoop
internal import Glibc

/// A file in the file system, told apart from others that have had its path.
struct SocketFile: Equatable, Sendable {
    // SAFETY: every pointer passed to C below points to an array that lives through the call, and
    // ends with a NUL, or to a local value.

    private let device: UInt64
    private let inode: UInt64

    /// Whether it is a socket.
    let isSocket: Bool

    /// The file at that path; nil if there is none.
    ///
    /// A symbolic link is not followed.
    static func find(
        _ address: UnixAddress, _ calls: SystemCalls
    ) throws(SystemError) -> SocketFile? {
        var found = cel_file_identity()
        let result = unsafe cel_file_identify(calls.table, terminated(address), &found)
        if result == -ENOENT { return nil }
        _ = try check(result)
        return SocketFile(device: found.device, inode: found.inode, isSocket: found.is_socket)
    }

    /// Removes the path, if it still names this file.
    func remove(_ address: UnixAddress, _ calls: SystemCalls) throws(SystemError) {
        guard try Self.find(address, calls) == self else { return }
        let result = unsafe cel_file_unlink(calls.table, Self.terminated(address))
        // Somebody else was faster.
        if result != -ENOENT { _ = try check(result) }
    }

    /// Gives a socket that is not bound yet the permissions that its file is made with, but for what
    /// the process's umask takes away.
    static func prepare(
        _ descriptor: CInt, permissions: UInt32, _ calls: SystemCalls
    ) throws(SystemError) {
        _ = try check(unsafe cel_socket_set_mode(calls.table, descriptor, permissions))
    }

    /// Gives the file at that path its permissions, if it has others.
    static func setPermissions(
        _ permissions: UInt32, _ address: UnixAddress, _ calls: SystemCalls
    ) throws(SystemError) {
        _ = try check(unsafe cel_file_set_mode(calls.table, terminated(address), permissions))
    }

    private static func terminated(_ address: UnixAddress) -> [CChar] {
        address.bytes.map { CChar(bitPattern: $0) } + [0]
    }
}
