// The system's own resolver, which blocks, on threads of its own.

/// Asks the system: `/etc/hosts`, then what `getaddrinfo` asks, which is mostly DNS.
///
/// The C library blocks until there is an answer, so each look-up takes a thread of a small pool
/// that is for look-ups alone: name servers that are silent hold up nobody but other look-ups.
/// Look-ups of the same name at the same time are one. A name that `/etc/hosts` has needs no thread,
/// and is not asked for elsewhere. Answers are not kept.
///
/// ## Isolation
/// *Any task*; one resolver serves several loops.
public final class SystemResolver: Resolver {
    /// The resolver of those who name none: 8 threads.
    public static let shared = SystemResolver()

    private let pool: BlockingPool
    private let hosts: HostsFile
    private let find: Find
    private let running = Monitor<[Key: Lookup]>([:])

    /// How the C library is asked.
    typealias Find =
        @Sendable (_ host: String, _ family: SocketAddress.Family) throws -> [SocketAddress]

    private struct Key: Hashable {
        let host: String
        let family: SocketAddress.Family
    }

    /// A look-up, and how many wait for it.
    private final class Lookup: @unchecked Sendable {
        // SAFETY: `waiting` is guarded by the resolver's monitor.
        let outcome = AsyncOnce<Result<[SocketAddress], any Error>>()
        var waiting = 0
    }

    /// A resolver with threads of its own.
    ///
    /// - Parameter threads: How many look-ups run at the same time at most.
    /// - Precondition: `threads` is at least 1.
    public convenience init(threads: Int = 8) {
        self.init(threads: threads, hosts: HostsFile()) { host, family throws in
            try NameLookup.addresses(of: host, port: 0, family: family)
        }
    }

    init(threads: Int, hosts: HostsFile, find: @escaping Find) {
        pool = BlockingPool(name: "resolver", threads: threads)
        self.hosts = hosts
        self.find = find
    }

    /// The addresses of a host, of one family, in the order that the C library gives them.
    ///
    /// Literal addresses, and names of `/etc/hosts`, are answered without a thread.
    ///
    /// ## Cancellation
    /// Ends the wait at once. A look-up that has begun goes on unseen; one that has not, and that
    /// nobody else waits for, never begins.
    ///
    /// - Throws: ``ResolutionError``; ``IOError``, `.resourcesExhausted` if there is no descriptor,
    ///   memory or thread; ``BlockingError`` if too many wait already; `CancellationError`.
    public nonisolated(nonsending) func addresses(
        of host: String, port: Int, family: SocketAddress.Family
    ) async throws -> [SocketAddress] {
        try Task.checkCancellation()
        if let literal = try HostName.literal(host, port: port) {
            if literal.family == family { return [literal] }
            throw ResolutionError(host: host, reason: .notFound)
        }
        if let known = hosts.addresses(of: host) {
            let found = known.compactMap { try? SocketAddress($0, port: port) }
                .filter { $0.family == family }
            if found.isEmpty { throw ResolutionError(host: host, reason: .notFound) }
            return found
        }
        let key = Key(host: host.lowercased(), family: family)
        let lookup = join(key)
        defer { running.withLock { _ in lookup.waiting -= 1 } }
        do {
            return try await lookup.outcome.wait().get().map { found in
                try SocketAddress(found.host, port: port)
            }
        } catch let failure as NameLookup.Failure {
            throw Self.error(failure, host)
        }
    }

    /// The name of an address.
    ///
    /// ## Cancellation
    /// Ends the wait at once; a look-up that has begun goes on unseen.
    ///
    /// - Throws: As ``addresses(of:port:family:)``.
    public nonisolated(nonsending) func name(of address: SocketAddress) async throws -> String {
        do {
            return try await pool.run(name: "look-up", abandonOnCancel: true) { _ in
                try NameLookup.name(of: address)
            }
        } catch let failure as NameLookup.Failure {
            throw Self.error(failure, address.host)
        }
    }

    /// The look-up of that name which is under way, or a new one.
    private func join(_ key: Key) -> Lookup {
        let (lookup, isNew) = running.withLock { running in
            let known = running[key]
            let lookup = known ?? Lookup()
            running[key] = lookup
            lookup.waiting += 1
            return (lookup, known == nil)
        }
        if isNew {
            // A task of nobody's: those who wait may go. On the caller's loop, if there is one: the
            // process may have no other threads.
            Task.detached(name: "look-up", executorPreference: LoopCore.current?.preferredExecutor)
            {
                [self] in
                let outcome = await run(key, lookup)
                forget(key, lookup)
                try? lookup.outcome.set(outcome)
            }
        }
        return lookup
    }

    private nonisolated(nonsending) func run(
        _ key: Key, _ lookup: Lookup
    ) async -> Result<[SocketAddress], any Error> {
        do {
            return .success(
                try await pool.run(name: "look-up") { [self] _ in
                    // Nobody waits any more, and it has not begun: the thread is for others.
                    if isUnwanted(key, lookup) { throw CancellationError() }
                    return try find(key.host, key.family)
                })
        } catch {
            return .failure(error)
        }
    }

    private func isUnwanted(_ key: Key, _ lookup: Lookup) -> Bool {
        running.withLock { running in
            guard lookup.waiting == 0 else { return false }
            running[key] = nil
            return true
        }
    }

    private func forget(_ key: Key, _ lookup: Lookup) {
        running.withLock { running in
            if running[key] === lookup { running[key] = nil }
        }
    }

    private static func error(_ failure: NameLookup.Failure, _ host: String) -> any Error {
        switch failure {
        case .notFound: ResolutionError(host: host, reason: .notFound)
        case .temporary: ResolutionError(host: host, reason: .temporary)
        case .other(let message): ResolutionError(host: host, reason: .failed(message))
        case .system(let error): IOError(error, operation: "look up \(host)")
        }
    }
}
