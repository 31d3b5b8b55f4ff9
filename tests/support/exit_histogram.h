// The kernel's own histogram of the tracepoint kvm_exit, by reason: of all VMs of the host, from its making
// on.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace trapline::test {

class ExitHistogram {
 public:
  ExitHistogram();
  ~ExitHistogram();
  ExitHistogram(const ExitHistogram&) = delete;
  ExitHistogram& operator=(const ExitHistogram&) = delete;

  // This kernel has histogram triggers.
  [[nodiscard]] bool works() const { return works_; }

  // By code.
  [[nodiscard]] std::map<std::uint64_t, std::uint64_t> counts() const;
  [[nodiscard]] std::uint64_t all() const;

 private:
  bool works_ = false;
};

}  // namespace trapline::test
