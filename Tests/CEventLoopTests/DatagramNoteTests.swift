import CEventLoop
import Glibc
import Synchronization
import Testing

/// Notes beside datagrams whose lengths are wrong, which no kernel makes: nothing is read behind them.
@Suite(.serialized) struct DatagramNoteTests {
    /// A note says what it is, and how long.
    private struct Note {
        var level = CEL_SOL_UDP
        var type = CEL_UDP_GRO
        var value: UInt32
        var size = 4
        var length: Int?

        var bytes: [UInt8] {
            var header = cmsghdr()
            header.cmsg_len = length ?? 16 + size
            header.cmsg_level = level
            header.cmsg_type = type
            let value = withUnsafeBytes(of: value, Array.init)
            let bytes = withUnsafeBytes(of: header, Array.init) + value.prefix(size)
            return bytes + [UInt8](repeating: 0x5A, count: (8 - bytes.count % 8) % 8)
        }

        static func drops(_ value: UInt32, size: Int = 4, length: Int? = nil) -> Note {
            Note(
                level: SOL_SOCKET, type: SO_RXQ_OVFL, value: value, size: size, length: length)
        }
    }

    private static let answer = Mutex<(control: [UInt8], flags: CInt)>(([], 0))

    // Written here only.
    nonisolated(unsafe) private static let table: UnsafePointer<cel_sys> = {
        let table = UnsafeMutablePointer<cel_sys>.allocate(capacity: 1)
        table.initialize(to: cel_sys_default().pointee)
        table.pointee.recvmmsg = { _, messages, _, _ in
            let message = UnsafeMutableRawPointer(messages).assumingMemoryBound(to: msghdr.self)
            DatagramNoteTests.answer.withLock { answer in
                let room = UnsafeMutableRawBufferPointer(
                    start: message.pointee.msg_control, count: message.pointee.msg_controllen)
                // What is behind the control data looks like something, too.
                for index in room.indices { room[index] = 0x5A }
                room.copyBytes(from: answer.control.prefix(room.count))
                message.pointee.msg_controllen = min(answer.control.count, room.count)
                message.pointee.msg_flags = answer.flags
            }
            // The number of bytes is behind the header.
            UnsafeMutableRawPointer(message + 1).storeBytes(of: 100, as: CUnsignedInt.self)
            return 1
        }
        return UnsafePointer(table)
    }()

    private func receive(_ notes: [Note], cut: Int = 0, flags: CInt = 0) -> cel_datagram {
        let control = notes.flatMap(\.bytes)
        Self.answer.withLock { $0 = (Array(control.dropLast(cut)), flags) }
        var memory = [UInt8](repeating: 0, count: 200)
        return memory.withUnsafeMutableBytes { memory in
            var datagram = cel_datagram()
            datagram.bytes = memory.baseAddress
            datagram.capacity = memory.count
            // What is left of an earlier use does not count.
            datagram.segment_size = 9
            datagram.drops = 9
            #expect(cel_datagram_receive_noted(Self.table, 3, &datagram, 1) == 1)
            #expect(datagram.size == 100)
            return datagram
        }
    }

    @Test func `notes are found in any order, and others passed over`() {
        let other = Note(level: SOL_SOCKET, type: 29, value: 77)
        for (notes, segment, drops) in [
            ([], 0, 0), ([Note(value: 30)], 30, 0), ([.drops(5)], 0, 5),
            ([Note(value: 30), .drops(5)], 30, 5),
            ([.drops(.max), Note(value: 65_535)], 65_535, .max),
            ([other, Note(value: 30)], 30, 0), ([other], 0, 0),
        ] as [([Note], UInt16, UInt32)] {
            let found = receive(notes)
            #expect(found.segment_size == segment && found.drops == drops)
            #expect(found.capacity == 200)
        }
    }

    @Test func `a size that is none makes one datagram`() {
        for value: UInt32 in [0, 65_536, 0x8000_0000, .max] {
            #expect(receive([Note(value: value)]).segment_size == 0)
        }
        // Too short for a number: not read.
        for size in 0...3 {
            let found = receive([Note(value: 30, size: size), .drops(5, size: size)])
            #expect(found.segment_size == 0 && found.drops == 0)
        }
    }

    @Test(arguments: [0, 1, 15, 21, 40, 4_096, Int.max, -1, -8])
    func `a note whose length is wrong is the last, and the datagram counts as cut`(length: Int) {
        let found = receive([Note(value: 30, length: length)])
        // The padding of the last note is control data, too.
        let fits = (16...24).contains(length)
        #expect(found.segment_size == (fits ? 30 : 0) && found.capacity == (fits ? 200 : 0))
        let second = receive([.drops(5), Note(value: 30, length: length)])
        #expect(second.drops == 5 && second.segment_size == (fits ? 30 : 0))
        #expect(second.capacity == (fits ? 200 : 0))
    }

    @Test func `notes that the kernel has cut make a datagram that is cut`() {
        let truncated = CInt(MSG_CTRUNC)
        #expect(receive([], flags: truncated).capacity == 0)
        #expect(receive([.drops(5)], flags: truncated).capacity == 0)
        // The size is there, so it is known where each ends.
        let known = receive([Note(value: 30)], flags: truncated)
        #expect(known.capacity == 200 && known.segment_size == 30)
        for cut in 5...8 {
            let found = receive([Note(value: 30)], cut: cut)
            #expect(found.segment_size == 0 && found.capacity == 0)
        }
    }
}
