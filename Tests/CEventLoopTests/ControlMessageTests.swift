import CEventLoop
import Glibc
import Synchronization
import Testing

/// Control messages whose lengths are wrong, which no kernel makes: nothing is read behind them.
@Suite(.serialized) struct ControlMessageTests {
    /// What recvmsg finds, and what close was called with.
    private struct Kernel {
        var control: [UInt8] = []
        var flags: CInt = 0
        var closed: [CInt] = []
    }

    private static let kernel = Mutex(Kernel())

    // Written here only.
    nonisolated(unsafe) private static let table: UnsafePointer<cel_sys> = {
        let table = UnsafeMutablePointer<cel_sys>.allocate(capacity: 1)
        table.initialize(to: cel_sys_default().pointee)
        table.pointee.close = { number in
            ControlMessageTests.kernel.withLock { $0.closed.append(number) }
            return 0
        }
        table.pointee.recvmsg = { _, message, _ in
            ControlMessageTests.kernel.withLock { kernel in
                let room = UnsafeMutableRawBufferPointer(
                    start: message.pointee.msg_control, count: message.pointee.msg_controllen)
                // What is behind the control data looks like descriptors, too.
                for index in room.indices { room[index] = 0x5A }
                room.copyBytes(from: kernel.control)
                message.pointee.msg_controllen = kernel.control.count
                message.pointee.msg_flags = kernel.flags
                return 1
            }
        }
        return UnsafePointer(table)
    }()

    /// A message of descriptors that says it has so many bytes.
    private func message(_ numbers: [CInt], length: Int? = nil) -> [UInt8] {
        var header = cmsghdr()
        header.cmsg_len = length ?? 16 + 4 * numbers.count
        header.cmsg_level = SOL_SOCKET
        header.cmsg_type = CInt(SCM_RIGHTS)
        let bytes = withUnsafeBytes(of: header, Array.init) + numbers.withUnsafeBytes(Array.init)
        return bytes + [UInt8](repeating: 0, count: (8 - bytes.count % 8) % 8)
    }

    private func receive(
        _ control: [UInt8], flags: CInt = 0
    ) -> (numbers: [CInt], lost: Bool, closed: [CInt]) {
        Self.kernel.withLock { $0 = Kernel(control: control, flags: flags) }
        var found = cel_descriptors()
        var byte: UInt8 = 0
        #expect(cel_descriptors_receive(Self.table, 3, &byte, 1, &found) == 1)
        let numbers = withUnsafeBytes(of: &found.numbers) {
            Array($0.bindMemory(to: CInt.self).prefix(found.count))
        }
        return (numbers, found.lost, Self.kernel.withLock { $0.closed })
    }

    @Test func `several messages give their descriptors in order`() {
        let found = receive(message([7, 8]) + message([9]) + message([]))
        #expect(found.numbers == [7, 8, 9] && !found.lost && found.closed.isEmpty)
    }

    @Test(arguments: [17, 19, 28, 33, 40, 4_096, Int.max, -1, -8])
    func `a message that is longer than the control data is cut (F7)`(length: Int) {
        // Two and a half descriptors are there, or less if the length says so.
        let found = receive(Array(message([7, 8, 9], length: length).prefix(26)))
        let whole = length > 16 && length <= 26 ? (length - 16) / 4 : 2
        #expect(found.numbers == Array([7, 8].prefix(whole)))
        #expect(found.lost == !(17...26).contains(length) && found.closed.isEmpty)
    }

    @Test(arguments: [0, 1, 15])
    func `a message that is shorter than its own header is the last`(length: Int) {
        let found = receive(message([6]) + message([7], length: length) + message([8]))
        #expect(found.numbers == [6] && found.lost && found.closed.isEmpty)
    }

    @Test func `descriptors beyond the room for them are closed, each once (F7)`() {
        let numbers = (0..<300).map { CInt(1_000 + $0) }
        let found = receive(message(Array(numbers[..<200])) + message(Array(numbers[200..<300])))
        #expect(found.numbers == Array(numbers[..<253]) && found.lost)
        #expect(found.closed == Array(numbers[253...]))
    }

    @Test func `the kernel's own word that descriptors were cut is passed on (F6)`() {
        let found = receive(message([7]), flags: CInt(MSG_CTRUNC))
        #expect(found.numbers == [7] && found.lost)
    }
}
