// The options of sockets: the one place that knows what the kernel calls them.
internal import CEventLoop
internal import Glibc

extension Socket {
    // SAFETY: every pointer passed to C points to a local value that lives through the call.

    /// Options whose value is a number.
    enum Option {
        case reuseAddress, reusePort, ipv6Only, broadcast, receiveBuffer, sendBuffer
        case noDelay, quickAck, userTimeout, fastOpen
        case keepAlive, keepAliveIdle, keepAliveInterval, keepAliveCount
        case segmentSize, coalescing, dropCount
        case multicastLoopback(SocketAddress.Family), multicastHops(SocketAddress.Family)

        var name: (level: CInt, option: CInt) {
            switch self {
            case .reuseAddress: (SOL_SOCKET, SO_REUSEADDR)
            case .reusePort: (SOL_SOCKET, SO_REUSEPORT)
            case .ipv6Only: (CInt(IPPROTO_IPV6), CInt(IPV6_V6ONLY))
            case .broadcast: (SOL_SOCKET, SO_BROADCAST)
            case .receiveBuffer: (SOL_SOCKET, SO_RCVBUF)
            case .sendBuffer: (SOL_SOCKET, SO_SNDBUF)
            case .noDelay: (CInt(IPPROTO_TCP), TCP_NODELAY)
            case .quickAck: (CInt(IPPROTO_TCP), TCP_QUICKACK)
            case .userTimeout: (CInt(IPPROTO_TCP), TCP_USER_TIMEOUT)
            case .fastOpen: (CInt(IPPROTO_TCP), TCP_FASTOPEN)
            case .keepAlive: (SOL_SOCKET, SO_KEEPALIVE)
            case .keepAliveIdle: (CInt(IPPROTO_TCP), TCP_KEEPIDLE)
            case .keepAliveInterval: (CInt(IPPROTO_TCP), TCP_KEEPINTVL)
            case .keepAliveCount: (CInt(IPPROTO_TCP), TCP_KEEPCNT)
            case .segmentSize: (CEL_SOL_UDP, CEL_UDP_SEGMENT)
            case .coalescing: (CEL_SOL_UDP, CEL_UDP_GRO)
            case .dropCount: (SOL_SOCKET, SO_RXQ_OVFL)
            case .multicastLoopback(.ipv4): (CInt(IPPROTO_IP), CInt(IP_MULTICAST_LOOP))
            case .multicastLoopback(.ipv6): (CInt(IPPROTO_IPV6), CInt(IPV6_MULTICAST_LOOP))
            case .multicastHops(.ipv4): (CInt(IPPROTO_IP), CInt(IP_MULTICAST_TTL))
            case .multicastHops(.ipv6): (CInt(IPPROTO_IPV6), CInt(IPV6_MULTICAST_HOPS))
            }
        }
    }

    /// A number that is too large is set as the largest there is.
    static func set(
        _ option: Option, _ value: Int, _ descriptor: CInt, _ calls: SystemCalls
    ) throws(SystemError) {
        let (level, name) = option.name
        _ = try check(
            unsafe cel_socket_set_option(
                calls.table, descriptor, level, name, CInt(clamping: value)))
    }

    static func get(
        _ option: Option, _ descriptor: CInt, _ calls: SystemCalls
    ) throws(SystemError) -> Int {
        let (level, name) = option.name
        var value: CInt = 0
        _ = try check(
            unsafe cel_socket_get_option(calls.table, descriptor, level, name, &value))
        return Int(value)
    }

    /// Whether close(2) drops what is unsent, and resets the connection.
    ///
    /// The kernel's option has a third way, to wait in close(2); that would hold up the loop, also
    /// for a socket that does not block.
    static func setResetsOnClose(
        _ descriptor: CInt, _ resets: Bool, _ calls: SystemCalls
    ) throws(SystemError) {
        _ = try check(unsafe cel_socket_set_linger(calls.table, descriptor, resets, 0))
    }

    static func resetsOnClose(_ descriptor: CInt, _ calls: SystemCalls) throws(SystemError) -> Bool
    {
        var isOn = false
        var seconds: CInt = 0
        _ = try check(unsafe cel_socket_get_linger(calls.table, descriptor, &isOn, &seconds))
        return isOn && seconds == 0
    }
}

extension IOError {
    /// Whether the kernel does not have the option.
    var isUnknownOption: Bool { errno == ENOPROTOOPT || errno == EOPNOTSUPP }
}
