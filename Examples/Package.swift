// swift-tools-version: 6.2
import Foundation
import PackageDescription

// A package of its own, so that whoever depends on AsyncCore fetches nothing that only examples need.
let asyncCore: Target.Dependency = .product(name: "AsyncCore", package: "AsyncCore")
let argumentParser: Target.Dependency = .product(
    name: "ArgumentParser", package: "swift-argument-parser")

// No upcoming features: what users write compiles in a plain module of Swift 6.
func example(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(
        name: name, dependencies: dependencies, swiftSettings: [.treatAllWarnings(as: .error)])
}

// The examples of the documentation's pages, which `make examples` writes there for the compiler.
let pages = Context.packageDirectory + "/Sources/documentation"
let documentation: [Target] =
    FileManager.default.fileExists(atPath: pages)
    ? [
        .target(
            name: "documentation",
            dependencies: [
                asyncCore, .product(name: "AsyncCoreTesting", package: "AsyncCore"),
            ])
    ] : []

let package = Package(
    name: "Examples",
    dependencies: [
        .package(name: "AsyncCore", path: ".."),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    ],
    targets: [
        example("quickstart", [asyncCore]),
        example("echo-server", [asyncCore, argumentParser]),
        example("echo-client", [asyncCore, argumentParser]),
        example("embed-in-poll", [asyncCore, argumentParser]),
        example("one-thread", [asyncCore, argumentParser]),
        example("chat-server", [asyncCore, argumentParser]),
        example("tcp-proxy", [asyncCore, argumentParser]),
        example("redis-client", [asyncCore, argumentParser]),
        example("reachable", [asyncCore, argumentParser]),
        example("dns-lookup", [asyncCore, argumentParser]),
        example("http-hello", ["HTTPHello", asyncCore, argumentParser]),
        // What serves is a library, so that it can be tested, and fuzzed.
        .target(
            name: "HTTPHello", dependencies: [asyncCore],
            swiftSettings: [.treatAllWarnings(as: .error)]),
        .testTarget(
            name: "HTTPHelloTests", dependencies: ["HTTPHello", asyncCore],
            swiftSettings: [.treatAllWarnings(as: .error)]),
        example("tutorial", [asyncCore]),
    ] + documentation,
    swiftLanguageModes: [.v6]
)
