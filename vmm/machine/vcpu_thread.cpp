#include "vmm/machine/vcpu_thread.h"

#include <fmt/format.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "vmm/kvm/exit_reason.h"
#include "vmm/machine/crash_report.h"
#include "vmm/machine/kick_signal.h"
#include "vmm/machine/tsc.h"

namespace trapline::vmm {

namespace {

// 16 bytes each: 1 MiB. At 1 us per exit it fills in 65 ms.
constexpr std::size_t kMarks = 65536;

VcpuEnd crashed(std::string reason) {
  return {VcpuEnd::Kind::crashed, std::move(reason), std::nullopt};
}

// The device page that takes everything and does nothing; reads are 0, as KVM has cleared them.
bool is_idle_page(const kvm_run& run) {
  return run.mmio.phys_addr >= GUEST_MMIO && run.mmio.phys_addr < GUEST_MMIO + GUEST_PAGE_BYTES;
}

}  // namespace

VcpuThread::VcpuThread(std::uint16_t index, Surroundings surroundings, bool wants_steps)
    : index_(index),
      surroundings_(surroundings),
      marks_(kMarks),
      path_vcpu_{index, surroundings.vcpu, steps_, surroundings.bus} {
  steps_.set_wanted(wants_steps);
  thread_ = std::thread([this] { thread_main(); });
}

VcpuThread::~VcpuThread() {
  stop();
  thread_.join();
}

void VcpuThread::set_state(State state) {
  {
    const std::lock_guard lock(mutex_);
    state_ = state;
  }
  changed_.notify_all();
}

pid_t VcpuThread::tid() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return state_ != State::starting; });
  return tid_;
}

void VcpuThread::enter_guest() {
  (void)tid();  // it waits by now
  set_state(State::running);
}

void VcpuThread::stop() {
  stop_asked_.store(true, std::memory_order_release);
  interrupt_kvm_run();
  kicks_.fetch_add(1);
  kicks_.notify_all();
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return state_ != State::starting; });
  if (state_ != State::waiting) return;
  state_ = State::running;  // to its end, without entering the guest
  lock.unlock();
  changed_.notify_all();
}

// In this order: a KVM_RUN that the signal is too early for sees the flag (api.rst, 5, immediate_exit).
void VcpuThread::interrupt_kvm_run() {
  surroundings_.vcpu.request_immediate_exit();
  kick_signal::send(thread_.native_handle());
}

void VcpuThread::kick() {
  if (in_guest_.load()) interrupt_kvm_run();
  kicks_.fetch_add(1);
  kicks_.notify_all();
}

void VcpuThread::halt() {
  for (;;) {
    const std::uint32_t seen = kicks_.load();
    if (stop_asked_.load() || surroundings_.path.should_wake(index_)) break;
    if (wake_asked_.exchange(false)) {
      woken_for_nothing_.fetch_add(1);
      break;
    }
    answer_whether_asleep(true);
    kicks_.wait(seen);
  }
  steps_.begin();
}

void VcpuThread::give_up(std::string reason) {
  {
    const std::lock_guard lock(mutex_);
    given_up_ = crashed(std::move(reason));
  }
  stop();
}

void VcpuThread::ask_asleep() {
  answer_.store(Answer::asked);
  kick();
}

std::optional<bool> VcpuThread::asleep() const {
  const Answer answer = answer_.load();
  if (answer == Answer::asked) return std::nullopt;
  return answer == Answer::asleep;
}

// One that cannot be asked is not taken to sleep.
void VcpuThread::answer_whether_asleep(bool in_vmm) {
  if (answer_.load() != Answer::asked) return;
  const auto asleep = surroundings_.path.sleeps_for_good(path_vcpu_, in_vmm);
  answer_.store(asleep && *asleep ? Answer::asleep : Answer::awake);
}

std::chrono::nanoseconds VcpuThread::processor_time() {
  clockid_t clock{};
  timespec used{};
  if (::pthread_getcpuclockid(thread_.native_handle(), &clock) != 0 || ::clock_gettime(clock, &used) != 0)
    return std::chrono::nanoseconds(0);
  return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

void VcpuThread::wake_for_nothing() {
  wake_asked_.store(true);
  kick();
}

std::optional<VcpuEnd> VcpuThread::end_halt_for_nothing() {
  if (!wake_asked_.exchange(false)) return std::nullopt;
  const auto ended = surroundings_.path.end_halt(path_vcpu_);
  if (!ended) return crashed(ended.error().what);
  if (*ended) woken_for_nothing_.fetch_add(1);
  return std::nullopt;
}

bool VcpuThread::wait_ended(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, limit, [this] { return state_ == State::ended; });
}

void VcpuThread::wait_until_released() {
  std::unique_lock lock(mutex_);
  tid_ = ::gettid();
  state_ = State::waiting;
  changed_.notify_all();
  changed_.wait(lock, [this] { return state_ == State::running; });
}

void VcpuThread::thread_main() {
  ::pthread_setname_np(::pthread_self(), fmt::format("vcpu{}", index_).c_str());
  kick_signal::unblock();
  wait_until_released();
  const auto begin = std::chrono::steady_clock::now();
  VcpuEnd end = run_guest();
  {
    const std::lock_guard lock(mutex_);
    ran_for_ = std::chrono::steady_clock::now() - begin;
    end_ = std::move(end);
  }
  set_state(State::ended);
}

std::optional<VcpuEnd> VcpuThread::prepare_entry() {
  surroundings_.vcpu.forget_immediate_exit();
  in_guest_.store(true);
  if (stop_asked_.load()) {
    const std::lock_guard lock(mutex_);
    return given_up_.value_or(VcpuEnd{});
  }
  if (const Status ready = surroundings_.path.before_entry(path_vcpu_); !ready)
    return crashed(ready.error().what);
  return std::nullopt;
}

// The path that exits take, again and again: no locks, no allocation, two RDTSC and one store of ours per
// exit. What the path does before an entry belongs to the stay that the entry ends.
VcpuEnd VcpuThread::run_guest() {
  std::optional<HostTsc> left;
  std::optional<VcpuEnd> end;
  for (;;) {
    if (!end) end = prepare_entry();
    if (left) marks_.push({*left, read_host_tsc()});
    if (end) return *std::move(end);
    const Result<RunResult> result = surroundings_.vcpu.run();
    left = read_host_tsc();
    in_guest_.store(false);
    if (!result) return crashed(result.error().what);

    steps_.begin();
    if (*result == RunResult::exited) {
      end = handle_exit();
    } else {
      end = end_halt_for_nothing();
      answer_whether_asleep(false);
    }
  }
}

std::optional<VcpuEnd> VcpuThread::handle_exit() {
  kvm_run& run = surroundings_.vcpu.run_state();
  ExitOutcome outcome = surroundings_.path.handle_exit(path_vcpu_);
  switch (outcome.verdict) {
    case ExitOutcome::Verdict::resume:
      return check_exit_port();
    case ExitOutcome::Verdict::halt:
      halt();
      return std::nullopt;
    case ExitOutcome::Verdict::crashed:
      return crashed(std::move(outcome.reason));
    case ExitOutcome::Verdict::not_mine:
      break;
  }
  if (run.exit_reason == KVM_EXIT_IO) return handle_io(run);
  if (run.exit_reason == KVM_EXIT_MMIO && is_idle_page(run)) return std::nullopt;
  if (run.exit_reason == KVM_EXIT_DEBUG && surroundings_.second_deliveries != nullptr) {
    const Status delivered = surroundings_.second_deliveries->at_breakpoint();
    if (!delivered) return crashed(delivered.error().what);
    return std::nullopt;
  }
  return crashed(describe_exit(run));
}

std::optional<VcpuEnd> VcpuThread::handle_io(kvm_run& run) {
  auto* const data = reinterpret_cast<std::byte*>(&run) + run.io.data_offset;
  const std::size_t bytes = std::size_t{run.io.size} * run.io.count;
  if (!surroundings_.bus.handle(run.io.direction == KVM_EXIT_IO_OUT, run.io.port, run.io.size,
                                {data, bytes})) {
    return crashed(describe_exit(run));
  }
  return check_exit_port();
}

std::optional<VcpuEnd> VcpuThread::check_exit_port() const {
  const auto code = surroundings_.exit_port.code();
  if (!code) return std::nullopt;
  if (*code != 0) return VcpuEnd{VcpuEnd::Kind::crashed, describe_panic(*code), *code};
  // The first vCPU's work is done. The others are stopped from outside, once they have halted.
  if (index_ != 0) return std::nullopt;
  return VcpuEnd{VcpuEnd::Kind::finished, {}, std::nullopt};
}

}  // namespace trapline::vmm
