// Names and addresses, as the C library finds them. It blocks until it has an answer.
internal import CEventLoop
internal import Glibc

/// The C library's look-ups.
///
/// Any thread; each call blocks, for many seconds if name servers do not answer.
enum NameLookup {
    // SAFETY: every pointer passed to C points to a local value that lives through the call. The
    // list that getaddrinfo makes is freed once, after it was read.

    /// Why there is no answer.
    enum Failure: Error, Equatable {
        case notFound
        case temporary
        /// Not the name's fault: no descriptor, no memory.
        case system(SystemError)
        case other(String)
    }

    /// The addresses of a host, of one family, in the order in which to try them.
    static func addresses(
        of host: String, port: Int, family: SocketAddress.Family
    ) throws(Failure) -> [SocketAddress] {
        var hints = unsafe addrinfo()
        unsafe hints.ai_family = family == .ipv4 ? AF_INET : AF_INET6
        unsafe hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let result = unsafe host.withCString { name in unsafe getaddrinfo(name, nil, &hints, &list)
        }
        if result != 0 { throw failure(result) }
        defer { if let list = unsafe list { unsafe freeaddrinfo(list) } }

        var addresses: [SocketAddress] = []
        var entry = unsafe list
        while let info = unsafe entry {
            unsafe entry = info.pointee.ai_next
            guard let name = unsafe info.pointee.ai_addr else { continue }
            var raw = cel_address()
            let length = unsafe min(
                Int(info.pointee.ai_addrlen), MemoryLayout.size(ofValue: raw.storage))
            unsafe withUnsafeMutableBytes(of: &raw.storage) { bytes in
                unsafe bytes.copyMemory(from: UnsafeRawBufferPointer(start: name, count: length))
            }
            raw.length = socklen_t(length)
            let address = SocketAddress(raw: raw)
            if let address = try? SocketAddress(address.host, port: port),
                !addresses.contains(address)
            {
                addresses.append(address)
            }
        }
        if addresses.isEmpty { throw .notFound }
        return addresses
    }

    /// The name of an address.
    static func name(of address: SocketAddress) throws(Failure) -> String {
        var raw = address.raw
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        // SAFETY: a name of any family begins as a sockaddr does, and its length is passed along.
        let result = unsafe withUnsafePointer(to: &raw.storage) { storage in
            unsafe storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { name in
                unsafe getnameinfo(
                    name, raw.length, &text, socklen_t(text.count), nil, 0, NI_NAMEREQD)
            }
        }
        if result != 0 { throw failure(result) }
        return String(
            decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The name is known, and has no address of the family: EAI_NODATA, a GNU extension.
    private static let noData: CInt = -5

    private static func failure(_ code: CInt) -> Failure {
        if code == EAI_SYSTEM { return .system(SystemError(errno: errno)) }
        if code == EAI_MEMORY { return .system(SystemError(errno: ENOMEM)) }
        // Without a descriptor to ask with, the C library says that there is no such name.
        if let exhaustion { return .system(exhaustion) }
        switch code {
        case EAI_NONAME, noData: return .notFound
        case EAI_AGAIN: return .temporary
        default: return unsafe .other(gai_strerror(code).map { unsafe String(cString: $0) } ?? "")
        }
    }

    /// Why no socket can be made just now; nil if one can.
    private static var exhaustion: SystemError? {
        let descriptor = socket(
            AF_INET, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        if descriptor < 0 {
            let error = SystemError(errno: errno)
            return error.isExhaustion ? error : nil
        }
        close(descriptor)
        return nil
    }
}
