import AsyncCoreTestSupport
import CEventLoop
import Testing

@testable import AsyncCore

@Suite(.watched)
struct SocketAddressTests {
    @Test(arguments: [
        ("127.0.0.1:80", "127.0.0.1", 80, SocketAddress.Family.ipv4),
        ("0.0.0.0:0", "0.0.0.0", 0, .ipv4),
        ("255.255.255.255:65535", "255.255.255.255", 65_535, .ipv4),
        ("[::1]:8080", "::1", 8_080, .ipv6),
        ("[0:0:0:0:0:0:0:1]:1", "::1", 1, .ipv6),
        ("[2001:DB8::A]:00443", "2001:db8::a", 443, .ipv6),
    ])
    func `an address is parsed into its canonical form (S675)`(
        text: String, host: String, port: Int, family: SocketAddress.Family
    ) throws {
        let address = try SocketAddress(parsing: text)
        #expect(address.host == host)
        #expect(address.port == port)
        #expect(address.family == family)
        #expect(try SocketAddress(parsing: address.description) == address)
        #expect(try SocketAddress(host, port: port) == address)
    }

    @Test(arguments: [
        "", ":", "127.0.0.1", "127.0.0.1:", ":80", "127.0.0.1:65536", "127.0.0.1:-1",
        "127.0.0.1:+1", "127.0.0.1:8o", "127.0.0.1: 80", "127.0.0.1:80 ", "127.0.0.1:٣",
        "127.0.0.1:99999999999999999999999", "127.0.0:80", "127.0.0.1.2:80", "256.0.0.1:80",
        "127.1:80", "0x7f.0.0.1:80", "localhost:80", "::1:80", "[::1]", "[::1]80", "[::1:80",
        "::1]:80", "[::g]:80", "[::1%]:80", "[::1%no-such-interface]:80", "[]:80", "[[::1]]:80",
        "127.0.0.1\0:80", "[127.0.0.1]:80", "[localhost]:80", "[1:2:3:4:5:6:7:8:9]:80",
        " 127.0.0.1:80",
    ])
    func `what is no address is refused, and the error says why`(text: String) {
        let error = #expect(throws: IOError.self) { try SocketAddress(parsing: text) }
        #expect(error?.code == .invalidAddress)
        #expect(error?.errno == nil)
        #expect(error?.operation.hasPrefix("use address \"") == true)
        #expect(error?.detail?.isEmpty == false)
    }

    @Test(arguments: [-1, 65_536, Int.max, Int.min])
    func `a port out of range is refused, with the number in the error`(port: Int) {
        let error = #expect(throws: IOError.self) { try SocketAddress("127.0.0.1", port: port) }
        #expect(error?.code == .invalidAddress)
        #expect(error?.operation == "use port \(port)")
        #expect(throws: IOError.self) { try SocketAddress.loopback(port: port) }
    }

    @Test func `no text makes the parser crash`() {
        var generator = SplitMix64(seed: 20)
        let alphabet = Array("0123456789abf:.[]%x \0é")
        for _ in 0..<20_000 {
            let length = generator.below(24)
            let text = String((0..<length).map { _ in alphabet[generator.below(alphabet.count)] })
            guard let address = try? SocketAddress(parsing: text) else { continue }
            #expect((0...65_535).contains(address.port))
            #expect((try? SocketAddress(parsing: address.description)) == address)
        }
    }

    @Test func `an address with a scope keeps it, to the kernel and back (S677)`() async throws {
        let address = try SocketAddress("fe80::1%lo", port: 7)
        #expect(address.host == "fe80::1%lo")
        #expect(SocketAddress(raw: address.raw) == address)
        #expect(address.description == "[fe80::1%lo]:7")
    }

    @Test(arguments: ["127.0.0.1:80", "[2001:db8::a]:443"])
    func `a name that the kernel has cut is no address (S677)`(text: String) throws {
        let whole = try SocketAddress(parsing: text)
        var raw = whole.raw
        #expect(SocketAddress(raw: raw) == whole)
        raw.length -= 1
        let cut = SocketAddress(raw: raw)
        #expect(cut != whole)
        #expect(cut.host == "?")
        #expect(cut.port == 0)
        // Nothing that the kernel would take for an address.
        #expect(cut.raw.length == 0)
        #expect(SocketAddress(raw: cut.raw) == cut)
    }

    @Test func `without its port an address still tells hosts apart`() throws {
        let one = try SocketAddress("fe80::1%lo", port: 7).withoutPort
        #expect(one == (try SocketAddress("fe80::1%lo", port: 9).withoutPort))
        #expect(one != (try SocketAddress("fe80::2%lo", port: 7).withoutPort))
        #expect(one != (try SocketAddress("fe80::1", port: 7).withoutPort))
        #expect(one.description == "[fe80::1%lo]:0")
    }

    @Test func `equal addresses are one element of a set`() throws {
        let addresses = [
            try SocketAddress("::1", port: 1), try SocketAddress("0::1", port: 1),
            try SocketAddress("::1", port: 2), try SocketAddress("127.0.0.1", port: 1),
        ]
        #expect(Set(addresses).count == 3)
    }
}
