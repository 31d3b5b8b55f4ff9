// write_synthetic FOLDER EXITS: the synthetic recording on disk, for benchmarks that are no C++.
#include <cstdio>
#include <cstdlib>

#include "bench/synthetic_recording.h"

int main(int argc, char** argv) {
  const std::uint64_t exits = argc == 3 ? std::strtoull(argv[2], nullptr, 10) : 0;
  if (exits == 0) {
    std::fputs("usage: write_synthetic FOLDER EXITS\n", stderr);
    return 2;
  }
  const auto counts = trapline::bench::write_synthetic_recording(argv[1], exits);
  if (counts) return 0;
  std::fprintf(stderr, "%s\n", counts.error().what.c_str());
  return 1;
}
