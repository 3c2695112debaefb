/* Attributes shared by the headers. */
#ifndef BENCH_BASE_H
#define BENCH_BASE_H

#define BENCH_CHECKED __attribute__((warn_unused_result))

#endif
