#include "tests/support/bare_vmm/vm.h"

#include <err.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>

#include "vmm/kvm/variable_length.h"

namespace trapline::bare {
namespace {

constexpr std::uint32_t kIoapicPin = 20;  // the PIC has no such pin
constexpr std::uint32_t kMsiGsi = 24;
constexpr std::uint32_t kLapicSpuriousVector = 0xf0;

int must(int result, const char* what) {
  if (result < 0) err(1, "%s", what);
  return result;
}

// KVM takes pointers and plain numbers as the same argument.
template <typename T>
int kvm_ioctl(int fd, unsigned long request, T argument, const char* what) {
  return must(::ioctl(fd, request, argument), what);
}

void* map(std::size_t bytes, int flags, int fd) {
  void* mapped = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, fd, 0);
  if (mapped == MAP_FAILED) err(1, "mmap");
  return mapped;
}

void load(std::uint8_t* memory, std::uint32_t address, const std::vector<std::uint8_t>& code) {
  std::memcpy(memory + address, code.data(), code.size());
}

void enter_real_mode(int vcpu, std::uint32_t data_base) {
  kvm_sregs sregs{};
  kvm_ioctl(vcpu, KVM_GET_SREGS, &sregs, "KVM_GET_SREGS");
  sregs.cs.base = sregs.cs.selector = 0;
  sregs.ds.base = data_base;
  kvm_ioctl(vcpu, KVM_SET_SREGS, &sregs, "KVM_SET_SREGS");
  kvm_regs regs{};
  regs.rip = kCodeAddress;
  regs.rsp = kStackTop;
  regs.rflags = 2;
  kvm_ioctl(vcpu, KVM_SET_REGS, &regs, "KVM_SET_REGS");
}

void enable_lapic(int vcpu) {
  kvm_lapic_state lapic{};
  kvm_ioctl(vcpu, KVM_GET_LAPIC, &lapic, "KVM_GET_LAPIC");
  lapic.regs[kLapicSpuriousVector + 1] |= 1;  // bit 8: on (Intel SDM Vol. 3A, 11.9)
  kvm_ioctl(vcpu, KVM_SET_LAPIC, &lapic, "KVM_SET_LAPIC");
}

void on_kick(int) {}

}  // namespace

struct Vm::Vcpu {
  int fd = -1;
  std::uint32_t id = 0;
  kvm_run* run = nullptr;
  std::size_t run_bytes = 0;
  std::thread thread;
  std::atomic<pid_t> tid = 0;
  std::atomic<bool> ended = false;
  std::atomic<std::uint32_t> port_writes = 0;
  std::uint32_t mmio_writes = 0;
  std::uint32_t ends = 0;

  ~Vcpu() {
    ::munmap(run, run_bytes);
    ::close(fd);
  }
};

Vm::Vm(const Plan& plan)
    : plan_(plan),
      kvm_(must(::open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm")),
      vm_(kvm_ioctl(kvm_, KVM_CREATE_VM, 0, "KVM_CREATE_VM")),
      memory_(static_cast<std::uint8_t*>(map(kMemoryBytes, MAP_SHARED | MAP_ANONYMOUS, -1))) {
  if (plan.work->in_kernel_irqchip) kvm_ioctl(vm_, KVM_CREATE_IRQCHIP, 0, "KVM_CREATE_IRQCHIP");
  kvm_userspace_memory_region region{};
  region.memory_size = kMemoryBytes;
  region.userspace_addr = reinterpret_cast<std::uint64_t>(memory_);
  kvm_ioctl(vm_, KVM_SET_USER_MEMORY_REGION, &region, "KVM_SET_USER_MEMORY_REGION");
  load(memory_, kCodeAddress, program(*plan.work, plan.events, plan.port));
  load(memory_, kHandlerAddress, handler());
  const std::uint32_t gate = kHandlerAddress;  // offset and segment 0, as the real-mode vector table has them
  std::memcpy(memory_ + std::size_t{kVector} * sizeof gate, &gate, sizeof gate);
}

Vm::~Vm() {
  kick();
  wait();
  vcpus_.clear();
  ::close(raised_);
  ::close(told_);
  ::close(vm_);
  ::close(kvm_);
  ::munmap(memory_, kMemoryBytes);
}

Vm::Vcpu& Vm::make_vcpu() {
  {
    const std::scoped_lock lock(making_);
    vcpus_.push_back(std::make_unique<Vcpu>());
  }
  Vcpu& vcpu = *vcpus_.back();
  vcpu.id = static_cast<std::uint32_t>(vcpus_.size() - 1);
  vcpu.fd = kvm_ioctl(vm_, KVM_CREATE_VCPU, static_cast<unsigned long>(vcpu.id), "KVM_CREATE_VCPU");
  vcpu.run_bytes =
      static_cast<std::size_t>(kvm_ioctl(kvm_, KVM_GET_VCPU_MMAP_SIZE, 0, "KVM_GET_VCPU_MMAP_SIZE"));
  vcpu.run = static_cast<kvm_run*>(map(vcpu.run_bytes, MAP_SHARED, vcpu.fd));
  enter_real_mode(vcpu.fd, plan_.work->data_base);
  if (plan_.work->in_kernel_irqchip) {
    enable_lapic(vcpu.fd);
    kvm_mp_state runnable{};  // else all but the first wait for their start-up IPI
    kvm_ioctl(vcpu.fd, KVM_SET_MP_STATE, &runnable, "KVM_SET_MP_STATE");
  }
  return vcpu;
}

void Vm::start_vcpu() {
  Vcpu& vcpu = make_vcpu();
  vcpu.thread = std::thread([this, &vcpu] { run(vcpu); });
  vcpu.tid.wait(0);
}

void Vm::run_vcpu_here() {
  run(make_vcpu());
}

void Vm::run(Vcpu& vcpu) {
  if (plan_.thread_names)
    ::pthread_setname_np(::pthread_self(), ("CPU " + std::to_string(vcpu.id) + "/KVM").c_str());
  vcpu.tid = ::gettid();
  vcpu.tid.notify_all();
  if (plan_.gate != nullptr) plan_.gate->wait(false);
  while (!vcpu.ended) {
    if (kicked_) break;
    if (::ioctl(vcpu.fd, KVM_RUN, 0) < 0) {
      if (errno == EINTR || errno == EAGAIN) continue;
      err(1, "KVM_RUN");
    }
    switch (vcpu.run->exit_reason) {
      case KVM_EXIT_IO:
        if (vcpu.run->io.port == kEndPort) {
          ++vcpu.ends;
          vcpu.ended = true;
        } else {
          ++vcpu.port_writes;
          const std::uint64_t one = 1;
          if (told_ >= 0 && ::write(told_, &one, sizeof one) < 0) err(1, "eventfd");
        }
        break;
      case KVM_EXIT_MMIO:
        ++vcpu.mmio_writes;
        break;
      default:
        errx(1, "vCPU %u: unexpected exit %u", vcpu.id, vcpu.run->exit_reason);
    }
  }
  vcpu.ended = true;
}

void Vm::wait() {
  for (const auto& vcpu : vcpus_)
    if (vcpu->thread.joinable()) vcpu->thread.join();
}

void Vm::kick() {
  kicked_ = true;
  ::signal(SIGUSR1, on_kick);
  for (const auto& vcpu : vcpus_) {
    // Again and again: a signal just before KVM_RUN is no reason for it to return.
    while (vcpu->thread.joinable() && !vcpu->ended) {
      ::pthread_kill(vcpu->thread.native_handle(), SIGUSR1);
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
}

int Vm::connect(Raise how) {
  how_ = how;
  told_ = must(::eventfd(0, EFD_CLOEXEC), "eventfd");
  raised_ = must(::eventfd(0, EFD_CLOEXEC), "eventfd");
  if (how == Raise::msi_irqfd) {
    std::array<kvm_irq_routing_entry, 1> route{};
    route[0].gsi = kMsiGsi;
    route[0].type = KVM_IRQ_ROUTING_MSI;
    route[0].u.msi.address_lo = 0xfee00000;
    route[0].u.msi.data = kVector;
    auto table = vmm::with_entries<kvm_irq_routing_entry>(route);
    kvm_ioctl(vm_, vmm::kSetGsiRouting, table.data(), "KVM_SET_GSI_ROUTING");
  } else {
    kvm_irqchip chip{};
    chip.chip_id = KVM_IRQCHIP_IOAPIC;
    kvm_ioctl(vm_, KVM_GET_IRQCHIP, &chip, "KVM_GET_IRQCHIP");
    chip.chip.ioapic.redirtbl[kIoapicPin].bits = kVector;  // edge, fixed, physical, to LAPIC 0, not masked
    kvm_ioctl(vm_, KVM_SET_IRQCHIP, &chip, "KVM_SET_IRQCHIP");
  }
  if (how != Raise::ioapic_line) {
    kvm_irqfd irqfd{};
    irqfd.fd = static_cast<std::uint32_t>(raised_);
    irqfd.gsi = how == Raise::msi_irqfd ? kMsiGsi : kIoapicPin;
    kvm_ioctl(vm_, KVM_IRQFD, &irqfd, "KVM_IRQFD");
  }
  return told_;
}

void Vm::raise() const {
  if (how_ == Raise::ioapic_line) {
    for (const std::uint32_t level : {1u, 0u}) {
      kvm_irq_level line{};
      line.irq = kIoapicPin;
      line.level = level;
      kvm_ioctl(vm_, KVM_IRQ_LINE, &line, "KVM_IRQ_LINE");
    }
    return;
  }
  const std::uint64_t one = 1;
  if (::write(raised_, &one, sizeof one) < 0) err(1, "eventfd");
}

std::vector<pid_t> Vm::threads() const {
  const std::scoped_lock lock(making_);
  std::vector<pid_t> all;
  for (const auto& vcpu : vcpus_)
    if (vcpu->tid != 0 && !vcpu->ended) all.push_back(vcpu->tid);
  return all;
}

bool Vm::half_done(std::size_t vcpu) const {
  return vcpus_[vcpu]->ended || vcpus_[vcpu]->port_writes >= plan_.events / 2;
}

std::vector<Count> Vm::counts() const {
  std::vector<Count> all;
  for (const auto& vcpu : vcpus_)
    all.push_back({vcpu->tid, vcpu->port_writes, vcpu->mmio_writes, vcpu->ends});
  return all;
}

}  // namespace trapline::bare
