// One VM by KVM's bare ioctls, and the threads that run its vCPUs. It knows nothing of trapline's own VMM:
// what tests record here is foreign to it.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/bare_vmm/guest_code.h"

namespace trapline::bare {

// What the VMM itself saw of one vCPU.
struct Count {
  pid_t tid = 0;
  std::uint32_t port_writes = 0;  // to the port asked for
  std::uint32_t mmio_writes = 0;
  std::uint32_t ends = 0;  // writes to kEndPort
};

struct Plan {
  const Work* work = nullptr;
  std::uint32_t events = 0;
  std::uint16_t port = 0;
  bool thread_names = false;
  const std::atomic<bool>* gate = nullptr;  // vCPU threads begin, but enter their guests once it is true
};

// How an interrupt of the work "interrupt" is raised; each write to an eventfd is one.
enum class Raise { ioapic_line, ioapic_irqfd, msi_irqfd };

// Errors end the program: it is only ever a test's subject.
class Vm {
 public:
  explicit Vm(const Plan& plan);
  ~Vm();
  Vm(const Vm&) = delete;
  Vm& operator=(const Vm&) = delete;

  // Makes vCPU number vcpus() and starts its thread; returns once it runs.
  void start_vcpu();
  // The same in the caller's thread, until the guest has ended.
  void run_vcpu_here();
  // Until all guests have ended.
  void wait();
  // Ends vCPUs whose guests never end.
  void kick();

  // Connects the interrupt of vCPU 0. After that raise() is one interrupt, and the returned eventfd holds one
  // for each that its handler told of.
  int connect(Raise how);
  void raise() const;

  [[nodiscard]] std::size_t vcpus() const { return vcpus_.size(); }
  [[nodiscard]] std::vector<pid_t> threads() const;  // of the vCPUs that have begun; in any thread
  [[nodiscard]] bool half_done(std::size_t vcpu) const;
  [[nodiscard]] std::vector<Count> counts() const;

 private:
  struct Vcpu;
  Vcpu& make_vcpu();
  void run(Vcpu& vcpu);

  Plan plan_;
  int kvm_;
  int vm_;
  std::uint8_t* memory_;
  mutable std::mutex making_;  // threads() is another thread's
  std::vector<std::unique_ptr<Vcpu>> vcpus_;
  Raise how_ = Raise::ioapic_line;
  int raised_ = -1;
  int told_ = -1;
  std::atomic<bool> kicked_ = false;
};

}  // namespace trapline::bare
