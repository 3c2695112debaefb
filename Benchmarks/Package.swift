// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that whoever depends on AsyncCore fetches nothing that only benchmarks
// need. With ASYNCCORE_BENCH_PEERS_ONLY set, the peers are built and measured without AsyncCore:
// for checking the harness itself, or a machine, on its own.
let measuresAsyncCore = Context.environment["ASYNCCORE_BENCH_PEERS_ONLY"] == nil

let argumentParser: Target.Dependency = .product(
    name: "ArgumentParser", package: "swift-argument-parser")
let asyncCore: Target.Dependency = .product(name: "AsyncCore", package: "AsyncCore")

var packages: [Package.Dependency] = [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
]
// The programs among them are built beside it, for it to run.
var dependencies: [Target.Dependency] = ["CBenchSupport", argumentParser, "nio-hello"]
// Not NonisolatedNonsendingByDefault: it makes each resumption dearer, on every runtime alike, and
// whoever sets nothing goes without it.
var settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]
let warnings: [SwiftSetting] = [.treatAllWarnings(as: .error)]
// Links to the folders of the examples, as the package of the examples has no products.
var examples: [Target] = []
if measuresAsyncCore {
    packages.append(.package(name: "AsyncCore", path: ".."))
    dependencies += [
        asyncCore, .product(name: "CEventLoop", package: "AsyncCore"), "http-hello", "tcp-proxy",
    ]
    settings.append(.define("ASYNCCORE"))
    examples = [
        .target(name: "HTTPHello", dependencies: [asyncCore], swiftSettings: warnings),
        .executableTarget(
            name: "http-hello", dependencies: ["HTTPHello", asyncCore, argumentParser],
            swiftSettings: warnings),
        .executableTarget(
            name: "tcp-proxy", dependencies: [asyncCore, argumentParser], swiftSettings: warnings),
    ]
}

let package = Package(
    name: "AsyncCoreBenchmarks",
    products: [.executable(name: "asynccore-bench", targets: ["AsyncCoreBench"])],
    dependencies: packages,
    targets: [
        .target(
            name: "CBenchSupport",
            cSettings: [
                .define("_GNU_SOURCE"),
                .enableWarning("all"),
                .enableWarning("extra"),
                .treatAllWarnings(as: .error),
            ]),
        .executableTarget(
            name: "nio-hello",
            dependencies: [
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: warnings),
        .executableTarget(
            name: "AsyncCoreBench",
            dependencies: dependencies,
            exclude: ["wrk-report.lua"]
                + (measuresAsyncCore
                    ? []
                    : ["EchoAsyncCore.swift", "MicroAsyncCore.swift", "ToolkitAsyncCore.swift"]),
            swiftSettings: settings),
    ] + examples,
    swiftLanguageModes: [.v6],
    cLanguageStandard: .c17
)
