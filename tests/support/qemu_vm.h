// A virtual machine that a user of KVM would have: Debian's QEMU, which boots Debian's Linux. Only where the
// lab brought them (lab/lab --guest). The guest works for some rounds, on its timer, serial line, virtio disk
// and network, and ends itself.
#pragma once

#include <string>

#include "tests/support/background.h"

namespace trapline::test {

enum class Machine { microvm, q35 };

struct QemuOptions {
  Machine machine = Machine::microvm;
  std::string name;      // QEMU's -name
  unsigned rounds = 10;  // 0: until it is killed
};

// Whether QEMU and a Linux for it are here.
[[nodiscard]] bool qemu_available();

class QemuVm {
 public:
  // Starts it: 2 vCPUs. The disk is a file at `disk`, made here.
  QemuVm(const QemuOptions& options, const std::string& disk);

  // Whether the guest's Linux came up and began to work.
  [[nodiscard]] bool works(std::chrono::seconds within = kPatience) const;
  // Whether it did all its work and ended the machine. Once `within` is over, it is killed.
  [[nodiscard]] bool finishes(std::chrono::seconds within = kPatience);

  [[nodiscard]] pid_t pid() const { return process_.pid(); }
  void kill() const;
  [[nodiscard]] std::string said() const { return process_.out() + process_.err(); }

 private:
  Background process_;
};

// The words that start it, for programs that start their subject themselves.
[[nodiscard]] std::vector<std::string> qemu_command(const QemuOptions& options, const std::string& disk);

}  // namespace trapline::test
