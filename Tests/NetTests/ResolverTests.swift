import AsyncCoreTestSupport
import AsyncCoreTesting
import Glibc
import Synchronization
import Testing

@testable import AsyncCore

/// Looking names up: S671 to S677, G1, G4, G9.
@Suite(.watched)
struct ResolverTests {
    private static let address = try! SocketAddress("192.0.2.1", port: 0)

    /// A resolver that knows no file, and whose look-ups are ours.
    private static func resolver(
        threads: Int = 4, hosts: String = "/nowhere", _ find: @escaping SystemResolver.Find
    ) -> SystemResolver {
        SystemResolver(threads: threads, hosts: HostsFile(path: hosts), find: find)
    }

    private static let unasked = resolver { host, _ in
        Issue.record("\(host) was looked up")
        return []
    }

    /// A file of its own, as long as this lives.
    private final class TemporaryFile: Sendable {
        let path: String

        init(_ text: String) {
            var template = Array("/tmp/asynccore-hosts-XXXXXX".utf8CString)
            close(mkstemp(&template))
            path = String(
                decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
            write(text)
        }

        func write(_ text: String) {
            let file = fopen(path, "w")
            fputs(text, file)
            fclose(file)
        }

        deinit { unlink(path) }
    }

    // MARK: - Answers

    @Test func `many look-ups at once each get their own answer (S671)`() async throws {
        let resolver = Self.resolver { host, family in
            let number = host.dropFirst(4)
            return [
                try SocketAddress(
                    family == .ipv4 ? "192.0.2.\(number)" : "2001:db8::\(number)", port: 0)
            ]
        }
        try await onLoop {
            let answers = try await gather(1...50) { number in
                try await resolver.addresses(of: "host\(number)", port: number)
            }
            for (number, found) in zip(1...50, answers) {
                #expect(
                    found.map(\.description) == [
                        "[2001:db8::\(number)]:\(number)", "192.0.2.\(number):\(number)",
                    ])
            }
        }
    }

    @Test func `the answer has the port that was asked for, IPv6 first`() async throws {
        let resolver = Self.resolver { _, family in
            try (1...2).map {
                try SocketAddress(family == .ipv4 ? "192.0.2.\($0)" : "2001:db8::\($0)", port: 0)
            }
        }
        try await onLoop {
            let found = try await resolver.addresses(of: "host", port: 80)
            #expect(
                found.map(\.description) == [
                    "[2001:db8::1]:80", "192.0.2.1:80", "[2001:db8::2]:80", "192.0.2.2:80",
                ])
        }
    }

    @Test(arguments: [
        (NameLookup.Failure.notFound, ResolutionError.Reason.notFound),
        (.temporary, .temporary), (.other("odd"), .failed("odd")),
    ])
    func `a look-up that fails says how (S672)`(
        failure: NameLookup.Failure, reason: ResolutionError.Reason
    ) async throws {
        let resolver = Self.resolver { _, _ in throw failure }
        try await onLoop {
            let error = await #expect(throws: ResolutionError.self) {
                try await resolver.addresses(of: "host", port: 80)
            }
            #expect(error == ResolutionError(host: "host", reason: reason))
        }
    }

    @Test func `a lack of descriptors is told as such, not as a missing host (G4)`() async throws {
        let resolver = Self.resolver { _, _ in
            throw NameLookup.Failure.system(SystemError(errno: EMFILE))
        }
        try await onLoop {
            let error = await #expect(throws: IOError.self) {
                try await resolver.addresses(of: "host", port: 80)
            }
            #expect(error?.code == .resourcesExhausted && error?.errno == EMFILE)
        }
        // What the C library itself says then.
        await #expect(processExitsWith: .success) {
            var taken: [CInt] = []
            while case let descriptor = open("/dev/null", O_RDONLY), descriptor >= 0 {
                taken.append(descriptor)
            }
            // The end of the process may need some.
            defer { for descriptor in taken { close(descriptor) } }
            #expect(throws: NameLookup.Failure.system(SystemError(errno: EMFILE))) {
                try NameLookup.addresses(of: "no-such-host.invalid", port: 0, family: .ipv4)
            }
        }
    }

    @Test func `one family is enough`() async throws {
        let resolver = Self.resolver { _, family in
            if family == .ipv6 { throw NameLookup.Failure.temporary }
            return [Self.address]
        }
        try await onLoop {
            let found = try await resolver.addresses(of: "host", port: 7)
            #expect(found.map(\.port) == [7])
        }
    }

    // MARK: - Without a thread

    @Test func `literal addresses are not looked up, and keep their scope (S675, S677)`()
        async throws
    {
        try await onLoop {
            let literals = ["192.0.2.7", "::1", "fe80::1%lo"]
            for literal in literals {
                let found = try await Self.unasked.addresses(of: literal, port: 80)
                #expect(found.map(\.host) == [literal])
            }
            await #expect(throws: ResolutionError(host: "::1", reason: .notFound)) {
                try await Self.unasked.addresses(of: "::1", port: 80, family: .ipv4)
            }
        }
    }

    @Test func `names of the hosts file need no look-up, and a changed file is read again`()
        async throws
    {
        let file = TemporaryFile(
            "192.0.2.5\tdb Db.internal # the old one\n# 192.0.2.6 gone\n::1 db\n")
        let resolver = Self.resolver(hosts: file.path) { _, _ in throw NameLookup.Failure.notFound }
        try await onLoop {
            func hosts(_ name: String) async throws -> [String] {
                try await resolver.addresses(of: name, port: 1).map(\.host)
            }
            let both = try await (hosts("DB"), hosts("db.internal"))
            #expect(both.0 == ["::1", "192.0.2.5"] && both.1 == ["192.0.2.5"])
            await #expect(throws: ResolutionError.self) { try await hosts("gone") }
            file.write("192.0.2.66 db\n")
            let changed = try await hosts("db")
            #expect(changed == ["192.0.2.66"])
        }
    }

    @Test func `the hosts file is read by bytes: nothing of Unicode ends a line or a comment`()
        throws
    {
        // A line separator, a next line, an accent on the "#", and the sign of Kelvin, which is a "k"
        // in small letters.
        let file = TemporaryFile(
            """
            # x\u{2028}192.0.2.1 one
            #\u{85}192.0.2.2 two
            #\u{301} 192.0.2.3 three
            192.0.2.4 \u{212A}
            192.0.2.5\tFIVE\u{B}six\r
            192.0.2.6 a#b
            """)
        let hosts = HostsFile(path: file.path)
        for name in ["one", "two", "three", "k", "b", "192.0.2.3"] {
            #expect(hosts.addresses(of: name) == nil, "\(name)")
        }
        #expect(hosts.addresses(of: "\u{212A}") == ["192.0.2.4"])
        #expect(hosts.addresses(of: "five") == ["192.0.2.5"])
        #expect(hosts.addresses(of: "Six") == ["192.0.2.5"])
        #expect(hosts.addresses(of: "a") == ["192.0.2.6"])
    }

    @Test(arguments: [
        "", "a b", "a\u{0}b", "bücher.example", "::zz", String(repeating: "a", count: 255),
    ])
    func `what is no name is refused, and the error says why`(name: String) async throws {
        try await onLoop {
            let error = await #expect(throws: ResolutionError.self) {
                try await Self.unasked.addresses(of: name, port: 80)
            }
            guard case .invalidName = error?.reason else {
                Issue.record("\(name) was taken for a name")
                return
            }
        }
    }

    @Test func `a port that is none is refused`() async throws {
        try await onLoop {
            for port in [-1, 65_536] {
                let error = await #expect(throws: IOError.self) {
                    try await Self.unasked.addresses(of: "host", port: port)
                }
                #expect(error?.code == .invalidAddress)
            }
        }
    }

    // MARK: - Threads

    @Test func `the same name asked for at the same time is looked up once`() async throws {
        let gate = ThreadGate()
        let asked = Recorder<String>()
        let resolver = Self.resolver { host, _ in
            asked.append(host)
            gate.wait()
            return [Self.address]
        }
        try await onLoop {
            let tasks = ["a", "A", "a", "b", "a"].map { name in
                spawn { try await resolver.addresses(of: name, port: 1, family: .ipv4) }
            }
            try await settle()
            tasks[0].cancel()
            await #expect(throws: CancellationError.self) { try await tasks[0].value }
            gate.open()
            for task in tasks.dropFirst() { #expect(try await task.value.count == 1) }
            #expect(asked.elements.sorted() == ["a", "b"])
            _ = try await resolver.addresses(of: "a", port: 1, family: .ipv4)
            #expect(asked.count == 3)
        }
    }

    @Test func `a look-up that has not begun can be cancelled, and never begins (S673)`()
        async throws
    {
        let (gate, begun) = (ThreadGate(), ThreadGate())
        let asked = Recorder<String>()
        let resolver = Self.resolver(threads: 1) { host, _ in
            asked.append(host)
            begun.open()
            gate.wait()
            return [Self.address]
        }
        try await onLoop {
            let first = spawn { try await resolver.addresses(of: "first", port: 1, family: .ipv4) }
            let second = spawn {
                try await resolver.addresses(of: "second", port: 1, family: .ipv4)
            }
            try await blocking { begun.wait() }
            try await settle()
            second.cancel()
            await #expect(throws: CancellationError.self) { try await second.value }
            gate.open()
            _ = try await first.value
            _ = try await resolver.addresses(of: "third", port: 1, family: .ipv4)
            #expect(asked.elements == ["first", "third"])
        }
    }

    @Test func `name servers that are silent hold up nobody but look-ups (G1, G9)`() async throws {
        let gate = ThreadGate()
        let running = Atomic<Int>(0)
        let most = Atomic<Int>(0)
        let resolver = Self.resolver(threads: 3) { _, _ in
            most.max(running.add(1, ordering: .relaxed).newValue, ordering: .relaxed)
            gate.wait()
            running.subtract(1, ordering: .relaxed)
            return [Self.address]
        }
        try await onLoop {
            let stuck = (0..<64).map { number in
                spawn {
                    try await withTimeout(.milliseconds(5)) {
                        try await resolver.addresses(of: "silent\(number)", port: 1, family: .ipv4)
                    }
                }
            }
            for task in stuck {
                await #expect(throws: TimeoutError.self) { try await task.value }
            }
            // Other work has threads of its own.
            #expect(try await blocking { 1 } == 1)
            gate.open()
            let late = try await resolver.addresses(of: "late", port: 1, family: .ipv4)
            #expect(late.count == 1)
            #expect((1...3).contains(most.load(ordering: .relaxed)))
        }
    }

    @Test func `on virtual time, time waits for a look-up`() async throws {
        let resolver = Self.resolver { _, _ in [Self.address] }
        try await withVirtualTime {
            let found = try await withTimeout(.seconds(1)) {
                try await resolver.addresses(of: "host", port: 1, family: .ipv4)
            }
            #expect(found.count == 1)
        }
    }

    // MARK: - The system

    @Test func `the system knows the local host, by name and by address`() async throws {
        try await onLoop {
            let found = try await SystemResolver.shared.addresses(of: "localhost", port: 80)
            #expect(found.contains { $0.host == "127.0.0.1" || $0.host == "::1" })
            let direct = try await blocking {
                try NameLookup.addresses(of: "localhost", port: 80, family: .ipv4)
            }
            #expect(direct.map(\.description) == ["127.0.0.1:80"])
            let name = try await SystemResolver.shared.name(of: .loopback(port: 0))
            #expect(!name.isEmpty)
        }
    }
}
