import CEventLoop
import Glibc
import Testing

@Suite struct AddressTests {
    @Test(arguments: [
        "127.0.0.1", "0.0.0.0", "255.255.255.255", "::", "::1", "2001:db8::ff00:42:8329",
        "::ffff:1.2.3.4", "fe80::1%lo",
        "fe80::1%99999",
    ]) func `a literal survives parsing and formatting`(text: String) {
        var address = cel_address()
        #expect(cel_address_parse(text, 8_080, &address) == 0)
        #expect(cel_address_port(&address) == 8_080)
        var out = [CChar](repeating: 1, count: 64)
        #expect(cel_address_format(&address, &out, 64) == 0)
        #expect(out.withUnsafeBufferPointer { String(cString: $0.baseAddress!) } == text)
        #expect(cel_address_format(&address, &out, text.utf8.count) == -ENOSPC)
        #expect(cel_address_format(&address, &out, text.utf8.count + 1) == 0)
    }

    @Test func `the longest address fits into 64 characters`() {
        var address = cel_address()
        let longest = "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255%4294967295"
        #expect(cel_address_parse(longest, 1, &address) == 0)
        var out = [CChar](repeating: 1, count: 64)
        #expect(cel_address_format(&address, &out, 64) == 0)
    }

    @Test(arguments: [
        "", "localhost", "127.0.0.1.5", "127.0.0", "127.1", "1.2.3.256", " 1.2.3.4", "1.2.3.4 ",
        ":", ":::", "1::2::3", "[::1]",
        "fe80::1%", "1.2.3.4%lo", "g::1", String(repeating: "1:", count: 100),
    ]) func `what is no literal is refused`(text: String) {
        var address = cel_address()
        #expect(cel_address_parse(text, 1, &address) == -EINVAL)
    }

    @Test(arguments: [
        "fe80::1%nosuchif0", "fe80::1%0", "fe80::1%4294967296",
        "fe80::1%" + String(repeating: "x", count: 200),
    ])
    func `a scope that names no interface is its own error (C21)`(text: String) {
        var address = cel_address()
        #expect(cel_address_parse(text, 1, &address) == -ENODEV)
    }

    @Test func `an address of another family has no port and no text`() {
        var address = cel_address()
        address.storage.ss_family = sa_family_t(AF_UNIX)
        address.length = 2
        var out = [CChar](repeating: 1, count: 64)
        #expect(cel_address_format(&address, &out, 64) == -EAFNOSUPPORT)
        #expect(cel_address_port(&address) == 0)
        #expect(cel_address_parse("1.2.3.4", 5, &address) == 0)
        address.length = 4
        #expect(cel_address_format(&address, &out, 64) == -EAFNOSUPPORT)
        #expect(cel_address_port(&address) == 0)
    }
}
