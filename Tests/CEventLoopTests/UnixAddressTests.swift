import CEventLoop
import Glibc
import Testing

@Suite struct UnixAddressTests {
    private func name(_ address: cel_address) -> (kind: CInt, bytes: [UInt8]) {
        var address = address
        var out = [CChar](repeating: 1, count: 108)
        var length = 0
        let kind = cel_address_unix_name(&address, &out, &length)
        return (kind, out[..<length].map { UInt8(bitPattern: $0) })
    }

    @Test(arguments: [1, 2, 106, 107]) func `a name survives (F1)`(length: Int) {
        let bytes = (0..<length).map { UInt8($0 + 1) }
        for isAbstract in [false, true] {
            var address = cel_address()
            #expect(cel_address_unix(bytes, length, isAbstract, &address) == 0)
            let found = name(address)
            #expect(found.bytes == bytes)
            #expect(found.kind == CInt((isAbstract ? CEL_UNIX_ABSTRACT : CEL_UNIX_PATH).rawValue))
        }
    }

    @Test func `an abstract name may have NULs, a path none`() {
        var address = cel_address()
        #expect(cel_address_unix([0, 1, 0] as [UInt8], 3, true, &address) == 0)
        #expect(name(address).bytes == [0, 1, 0])
        #expect(cel_address_unix([1, 0] as [UInt8], 2, false, &address) == -EINVAL)
    }

    @Test func `what is too long or empty is refused (F1)`() {
        var address = cel_address()
        let long = [UInt8](repeating: 1, count: 108)
        #expect(cel_address_unix(long, 108, false, &address) == -ENAMETOOLONG)
        #expect(cel_address_unix(long, 108, true, &address) == -ENAMETOOLONG)
        #expect(cel_address_unix(long, 0, false, &address) == -EINVAL)
        #expect(cel_address_unix(nil, 0, true, &address) == -EINVAL)
    }

    @Test func `the kernel's structures without a name, cut or over-long, are read safely (F4)`() {
        var address = cel_address()
        address.storage.ss_family = sa_family_t(AF_UNIX)
        address.length = 2
        #expect(name(address).kind == CInt(CEL_UNIX_UNNAMED.rawValue))
        address.length = 0
        #expect(name(address).kind == -EAFNOSUPPORT)
        // A path of 108 bytes has no NUL at its end.
        withUnsafeMutableBytes(of: &address.storage) { bytes in
            for place in 2..<128 { bytes[place] = 0x61 }
        }
        for length in [110, 111, 128] {
            address.length = socklen_t(length)
            let found = name(address)
            #expect(found.kind == CInt(CEL_UNIX_PATH.rawValue))
            #expect(found.bytes == [UInt8](repeating: 0x61, count: 108))
        }
        address.storage.ss_family = sa_family_t(AF_INET)
        #expect(name(address).kind == -EAFNOSUPPORT)
    }
}
