#include "bench/measured_child.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>

#include "base/mapping.h"

namespace trapline::bench {

Result<Measured> measure_in_child(const std::function<Result<Work>()>& run) {
  TRAPLINE_ASSIGN(shared, Mapping::anonymous(sizeof(Measured), "memory for a result"));
  auto* measured = new (shared.data()) Measured;
  const pid_t child = ::fork();
  if (child < 0) return fail(system_error("start", "a process to measure in", errno));
  if (child == 0) {
    const auto started = std::chrono::steady_clock::now();
    const auto work = run();
    measured->seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
    if (!work) std::fprintf(stderr, "%s\n", work.error().text().c_str());
    if (work) measured->work = *work;
    ::_exit(work ? 0 : 1);
  }
  int status = 0;
  rusage usage{};
  while (::wait4(child, &status, 0, &usage) < 0) {
    if (errno != EINTR) return fail(system_error("wait for", "the process that measures", errno));
  }
  if (status != 0) return fail("the measured process failed; its reason is above");
  measured->peak_mib = static_cast<double>(usage.ru_maxrss) / 1024;  // KiB
  return *measured;
}

}  // namespace trapline::bench
