// The name of a Unix socket, and the file that stands for it: made with the socket, and removed.
internal import Synchronization

/// What to do with a socket file that is at the path already.
public enum ExistingSocket: Sendable {
    /// Refuse: ``IOError`` with `.addressInUse`.
    case refuse
    /// Replace it if nobody listens on it: what a server that was killed has left behind.
    ///
    /// Whether somebody does is tried by connecting to it. Two servers that start at the same
    /// moment can both find it stale, and the later one replace the earlier: where that can be,
    /// let a lock decide. A file of another kind is never removed.
    case replaceIfStale
}

/// How a Unix socket gets its name.
struct UnixBinding {
    let address: UnixAddress
    let existing: ExistingSocket
    /// The file's permissions; nil leaves them to the umask.
    let permissions: UInt32?
    /// Makes the socket that tries whether somebody uses the path.
    let openProbe: (SystemCalls) throws(SystemError) -> CInt

    /// Binds the socket: the file that was made, for a path.
    func bind(
        _ descriptor: CInt, to raw: RawAddress, _ calls: SystemCalls
    ) throws(SystemError) -> SocketFile? {
        let permissions = address.kind == .path ? permissions : nil
        // The file is made with these; the umask is all of the process's to change.
        if let permissions {
            try SocketFile.prepare(descriptor, permissions: permissions, calls)
        }
        try bindReplacing(descriptor, raw, calls)
        let file = address.kind == .path ? try SocketFile.find(address, calls) : nil
        do throws(SystemError) {
            // What the umask took away.
            if let permissions { try SocketFile.setPermissions(permissions, address, calls) }
        } catch {
            try? file?.remove(address, calls)
            throw error
        }
        return file
    }

    private func bindReplacing(
        _ descriptor: CInt, _ raw: RawAddress, _ calls: SystemCalls
    ) throws(SystemError) {
        do throws(SystemError) {
            return try Socket.bind(descriptor, to: raw, calls)
        } catch {
            guard error.code == .addressInUse, existing == .replaceIfStale, address.kind == .path
            else { throw error }
            let file = try SocketFile.find(address, calls)
            if let file {
                guard file.isSocket, try isStale(raw, calls) else { throw error }
                try file.remove(address, calls)
            }
        }
        try Socket.bind(descriptor, to: raw, calls)
    }

    /// Whether nobody listens there: a connection is refused.
    private func isStale(
        _ address: RawAddress, _ calls: SystemCalls
    ) throws(SystemError) -> Bool {
        let probe = try openProbe(calls)
        defer { Socket.close(probe, calls) }
        do throws(SystemError) {
            _ = try Socket.connect(probe, to: address, calls)
            return false
        } catch {
            return error.code == .connectionRefused
        }
    }

    /// What the user can do about a path that is taken; nil for another error.
    func hint(_ error: SystemError, _ calls: SystemCalls) -> String? {
        guard error.code == .addressInUse, address.kind == .path,
            let file = try? SocketFile.find(address, calls)
        else { return nil }
        if !file.isSocket { return "a file that is no socket is there" }
        return existing == .refuse
            ? "a socket is there; if no process listens on it, bind with existing: .replaceIfStale"
            : "a process listens there"
    }
}

/// The file of a bound Unix socket, which goes with the socket.
final class BoundFile: Sendable {
    private let address: UnixAddress
    /// nil if there is none, or it is to stay.
    private let file: SocketFile?
    private let calls: SystemCalls
    private let removal = Mutex<IOError?>(nil)
    private let isRemoved = Atomic(false)

    init(_ file: SocketFile?, _ address: UnixAddress, _ calls: SystemCalls) {
        self.file = file
        self.address = address
        self.calls = calls
    }

    /// Removes the path, if it still names this file.
    ///
    /// To be called before the socket is closed: as long as it is open, nobody else's file looks like
    /// ours.
    func remove() {
        guard let file, !isRemoved.exchange(true, ordering: .relaxed) else { return }
        do throws(SystemError) {
            try file.remove(address, calls)
        } catch {
            // A folder that is not ours any more is no reason not to close.
            let error = IOError(error, operation: "remove \(address)")
            removal.withLock { $0 = error }
        }
    }

    /// Why the path has stayed; nil if it has not, or there was none to remove.
    var removalError: IOError? { removal.withLock { $0 } }
}
