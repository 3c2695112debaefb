// What the kernel says beside the bytes: control messages, names, sizes and errors.

import CEventLoop
import FuzzDriver
import Glibc
import HostileKernel

@testable import AsyncCore

/// Whatever the kernel says, no memory is read that it has not written, each descriptor has one owner
/// or is closed once, and what was cut is said to be.
@main
struct FuzzControl: FuzzTarget {
    static func run(_ input: [UInt8]) {
        var reader = InputReader(input)
        switch reader.number(below: 5) {
        case 0: receiveAnyControl(&reader)
        case 1: receiveDescriptors(&reader)
        case 2: refuse(&reader)
        case 3: receiveDatagrams(&reader)
        default: send(&reader)
        }
    }

    /// How the call goes: so many interruptions, and then an error, or bytes.
    private static func outcome(_ reader: inout InputReader) -> (interruptions: Int, result: Int) {
        let errors = [EAGAIN, ECONNRESET, ENOBUFS, ENOMEM, EBADF]
        let interruptions = reader.number(below: 3)
        let choice = reader.number(below: 64)
        return (interruptions, choice < errors.count ? -Int(errors[choice]) : choice)
    }

    // MARK: - Control messages

    /// Control data of any bytes, as the C function sees it.
    private static func receiveAnyControl(_ reader: inout InputReader) {
        let (interruptions, result) = outcome(&reader)
        let isTruncated = reader.byte() % 2 == 1
        let control = reader.remaining()
        var found = cel_descriptors()
        var bytes = [UInt8](repeating: 0, count: 40)
        let received = answering(
            interruptions, result, isTruncated: isTruncated, control: control
        ) {
            cel_descriptors_receive(hostile_kernel(), 3, &bytes, bytes.count, &found)
        }
        require(received == min(result, bytes.count), "\(received), not \(result)")
        let model = result < 0 ? ControlModel([]) : ControlModel(control)
        let numbers = withUnsafeBytes(of: &found.numbers) {
            Array($0.bindMemory(to: CInt.self).prefix(Int(found.count)))
        }
        require(numbers + closes() == model.numbers, "\(numbers), \(closes()); \(model.numbers)")
        require(numbers.count <= CEL_DESCRIPTORS_MAX, "more than there is room for")
        require(closes().isEmpty || numbers.count == CEL_DESCRIPTORS_MAX, "closed too early")
        let isLost = result >= 0 && isTruncated || model.isCut || !closes().isEmpty
        require(found.lost == isLost, "lost: \(found.lost)")
    }

    /// Control data as a kernel makes it, as Swift sees it.
    private static func receiveDescriptors(_ reader: inout InputReader) {
        let (interruptions, result) = outcome(&reader)
        let isTruncated = reader.byte() % 2 == 1
        let limit = Int(reader.byte())
        var control: [UInt8] = []
        var sent: [CInt] = []
        // The kernel has made none after an error, nor at the end of a stream.
        for _ in 0..<(result > 0 ? reader.number(below: 4) : 0) {
            let isOther = reader.byte() % 4 == 0
            let count = min(Int(reader.byte()), Int(CEL_DESCRIPTORS_MAX) - sent.count)
            let numbers = (0..<count).map { 1_000 + CInt(sent.count + $0) }
            if isOther {
                control += Self.message(type: 2, [CInt](repeating: -1, count: count % 4))
            } else {
                control += Self.message(type: CInt(SCM_RIGHTS), numbers)
                sent += numbers
            }
        }
        answering(interruptions, result, isTruncated: isTruncated, control: control) {
            let calls = SystemCalls(table: hostile_kernel())
            let reception = DescriptorCalls.receive(
                3, upTo: 50, limit: limit, ScratchBuffer(), calls)
            require(reception.result == min(result, 50), "\(reception.result), not \(result)")
            require(reception.bytes.count == max(reception.result, 0), "\(reception.bytes.count)")
            require(
                reception.descriptors.map(\.number) == Array(sent.prefix(limit)),
                "kept: \(reception.descriptors.map(\.number))")
            require(reception.refusedCount == max(sent.count - limit, 0), "not refused")
            require(closes() == Array(sent.dropFirst(limit)), "closed: \(closes())")
            require(reception.hasLost == (result >= 0 && isTruncated), "lost")
        }
        // Those that were kept are closed now, as nobody has taken them.
        require(closes().sorted() == sent, "\(closes()) of \(sent)")
    }

    private static func message(type: CInt, _ numbers: [CInt]) -> [UInt8] {
        var header = cmsghdr()
        header.cmsg_len = MemoryLayout<cmsghdr>.size + numbers.count * 4
        header.cmsg_level = SOL_SOCKET
        header.cmsg_type = type
        let bytes = withUnsafeBytes(of: header, Array.init) + numbers.withUnsafeBytes(Array.init)
        return bytes + [UInt8](repeating: 0, count: (8 - bytes.count % 8) % 8)
    }

    private static func refuse(_ reader: inout InputReader) {
        let (interruptions, result) = outcome(&reader)
        let isTruncated = reader.byte() % 2 == 1
        let room = Int(reader.byte())
        var bytes = [UInt8](repeating: 0, count: max(room, 1))
        var stopped = true
        let received = answering(interruptions, result, isTruncated: isTruncated, control: []) {
            cel_descriptors_refuse(hostile_kernel(), 3, &bytes, room, &stopped)
        }
        require(received == (room == 0 ? 0 : min(result, room)), "\(received), not \(result)")
        require(stopped == (room > 0 && result >= 0 && isTruncated), "stopped: \(stopped)")
        require(closes().isEmpty, "closed: \(closes())")
    }

    private static func send(_ reader: inout InputReader) {
        let count = Int(reader.byte()) * 2
        let bytes = reader.remaining()
        let calls = SystemCalls(table: hostile_kernel())
        let numbers = [CInt](repeating: 0, count: count)
        let sent = answering(0, 0, isTruncated: false, control: []) {
            DescriptorCalls.send(3, bytes, with: numbers, calls)
        }
        if bytes.isEmpty || count > CEL_DESCRIPTORS_MAX {
            require(sent == -Int(EINVAL), "\(count) descriptors with \(bytes.count) bytes go out")
        } else {
            require(sent == bytes.count, "\(sent) of \(bytes.count) bytes")
            require(Int(hostile_sent()) == count, "\(hostile_sent()) of \(count) descriptors")
        }
    }

    // MARK: - Datagrams

    private static func receiveDatagrams(_ reader: inout InputReader) {
        let (interruptions, result) = outcome(&reader)
        let count = 1 + reader.number(below: 80)
        let room = Int(reader.byte())
        let length = reader.bytes(4).reduce(0 as UInt32) { $0 << 8 | UInt32($1) }
        let names = reader.remaining()
        let calls = SystemCalls(table: hostile_kernel())
        let model = NamesModel(names)
        answering(interruptions, result, names: names, messageLength: length) {
            do throws(SystemError) {
                let received: [Datagram<SocketAddress>]? = try DatagramCalls.receive(
                    3, count: count, room: room, ScratchBuffer(), calls)
                guard let received else { return require(result == -Int(EAGAIN), "\(result)") }
                require(
                    received.count == min(result, count, DatagramCalls.maximum),
                    "\(received.count) of \(result)")
                for (index, datagram) in received.enumerated() {
                    require(datagram.size == Int(length), "a size of \(datagram.size)")
                    require(datagram.bytes.count == min(Int(length), room), "bytes")
                    require(datagram.isTruncated == (Int(length) > room), "cut")
                    let address = SocketAddress(raw: model.address(index))
                    require(datagram.address == address, "\(datagram.address), not \(address)")
                }
            } catch {
                require(error.errno == CInt(-result), "\(error), not \(result)")
            }
        }
    }

    // MARK: - The kernel

    private static func answering<R>(
        _ interruptions: Int, _ result: Int, isTruncated: Bool = false, control: [UInt8] = [],
        names: [UInt8] = [], messageLength: UInt32 = 0, _ body: () -> R
    ) -> R {
        control.withUnsafeBufferPointer { control in
            names.withUnsafeBufferPointer { names in
                var answer = hostile_answer(
                    interruptions: CInt(interruptions), result: result,
                    flags: isTruncated ? CInt(MSG_CTRUNC) : 0,
                    control: control.baseAddress, control_count: control.count,
                    names: names.baseAddress, name_count: names.count,
                    message_length: messageLength)
                hostile_answer(&answer)
                return body()
            }
        }
    }

    private static func closes() -> [CInt] {
        var numbers: UnsafePointer<CInt>? = nil
        let count = hostile_closes(&numbers)
        return Array(UnsafeBufferPointer(start: numbers, count: Int(count)))
    }
}
