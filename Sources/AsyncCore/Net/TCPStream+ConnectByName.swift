// Connecting to a host by its name.

extension TCPStream {
    /// How to connect to a host that may have several addresses.
    public struct ConnectOptions: Sendable {
        /// After what time without an answer the next address is tried as well.
        ///
        /// RFC 8305 recommends 250 ms, and not less than 100.
        public var attemptDelay: Duration = .milliseconds(250)

        /// How long addresses of the other family wait for those of the preferred one.
        public var resolutionDelay: Duration = .milliseconds(50)

        /// Which family is tried first.
        public var preferredFamily = SocketAddress.Family.ipv6

        /// How the connection behaves.
        ///
        /// With a local address, the addresses of the other family fail.
        public var connection = Options()

        /// The usual: IPv6 first, and the delays that RFC 8305 recommends.
        public init() {}
    }

    /// Connects to a host by name: the first of its addresses that answers.
    ///
    /// Both families are looked up at the same time, and addresses tried in turn, each a little
    /// after the one before, until one is connected: Happy Eyeballs, RFC 8305. A literal address is
    /// not looked up. The connection belongs to the loop that runs the caller.
    ///
    /// ## Cancellation
    /// Gives the connection up and closes all its sockets. A look-up may go on unseen.
    ///
    /// - Parameters:
    ///   - host: A name, in ASCII, or a literal address.
    ///   - port: Where to: 0 to 65,535.
    ///   - timeout: How long all of it may take, look-up included; nil for as long as the system
    ///     tries.
    ///   - resolver: Who looks the name up.
    ///   - options: How the addresses race.
    /// - Returns: The connection.
    /// - Throws: ``ConnectError`` with what each address had to say; for a literal address what
    ///   ``connect(to:options:)`` throws; ``ResolutionError`` for what is no name; ``TimeoutError``;
    ///   ``EventLoopError/stopped``; `CancellationError`.
    /// - Precondition: The caller runs on an event loop.
    public nonisolated(nonsending) static func connect(
        host: String, port: Int, timeout: Duration? = nil,
        resolver: any Resolver = SystemResolver.shared, options: ConnectOptions = .init()
    ) async throws -> TCPStream {
        let core = currentCore("TCPStream.connect", in: #isolation)
        let literal = try HostName.literal(host, port: port)
        return try await core.perform {
            try await within(timeout) {
                if let literal {
                    return try await connect(to: literal, options: options.connection)
                }
                let race = Monitor(ConnectRace<TCPStream>(options))
                return try await run(race, host, port, resolver, options.connection)
            }
        }
    }

    /// Connects by name, runs `body` with the connection, and closes it at the end, however the body
    /// ends.
    ///
    /// ## Cancellation
    /// While it connects: gives up. Then the body sees it.
    ///
    /// - Throws: What connecting and `body` throw.
    public nonisolated(nonsending) static func withConnection<R>(
        host: String, port: Int, timeout: Duration? = nil,
        resolver: any Resolver = SystemResolver.shared, options: ConnectOptions = .init(),
        _ body: nonisolated(nonsending) (TCPStream) async throws -> R
    ) async throws -> R {
        let stream = try await connect(
            host: host, port: port, timeout: timeout, resolver: resolver, options: options)
        return try await stream.withConnection(body)
    }

    private nonisolated(nonsending) static func within<R: Sendable>(
        _ timeout: Duration?, _ body: sending @escaping () async throws -> R
    ) async throws -> R {
        if let timeout { return try await withTimeout(timeout, body) }
        return try await body()
    }

    private nonisolated(nonsending) static func run(
        _ race: Monitor<ConnectRace<TCPStream>>, _ host: String, _ port: Int,
        _ resolver: any Resolver, _ options: Options
    ) async throws -> TCPStream {
        do {
            return try await withTaskScope { scope in
                for family in [SocketAddress.Family.ipv6, .ipv4] {
                    scope.spawn(name: "look-up") {
                        let found = await resolver.result(of: host, port: port, family: family)
                        race.change { state, _ in
                            state.resolved(family, found, now: Monotonic.now)
                        }
                    }
                }
                while true {
                    let step = try await race.wait("TCPStream.connect") { state, now in
                        state.next(now: now)
                    }
                    switch step {
                    case .attempt(let address):
                        scope.spawn(name: "connect") { await attempt(address, options, race) }
                    case .won(let stream):
                        scope.cancel()
                        return stream
                    case .lost:
                        throw ConnectError(
                            host: host, port: port,
                            failures: race.withLock { state in state.failures })
                    }
                }
            }
        } catch {
            if let stream = race.withLock({ state in state.giveUp() }) { await stream.close() }
            throw error
        }
    }

    private nonisolated(nonsending) static func attempt(
        _ address: SocketAddress, _ options: Options, _ race: Monitor<ConnectRace<TCPStream>>
    ) async {
        do {
            let stream = try await connect(to: address, options: options)
            if !race.change({ state, _ in state.succeeded(stream) }) { await stream.close() }
        } catch {
            race.change { state, _ in state.failed(address, error) }
        }
    }
}
