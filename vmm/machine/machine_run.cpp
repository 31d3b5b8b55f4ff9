// One run: devices and vCPU threads around a machine, and the draining of what they tell.
#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <optional>

#include "vmm/machine/crash_report.h"
#include "vmm/machine/doorbell.h"
#include "vmm/machine/halt_watch.h"
#include "vmm/machine/kick_signal.h"
#include "vmm/machine/machine.h"
#include "vmm/machine/serial16550.h"
#include "vmm/machine/stamp_ring.h"
#include "vmm/machine/vcpu_thread.h"
#include "vmm/machine/wait_text.h"
#include "vmm/x86/frames.h"
#include "vmm/x86/guest_access.h"

namespace trapline::vmm {

namespace {

constexpr std::size_t kBatch = 4096;
// How many batches one drain takes while the guest still makes new ones: a fast guest cannot keep it for
// ever.
constexpr int kMaxRounds = 64;

// A guest that never sleeps, once its first vCPU has finished, is stopped as it is.
constexpr std::chrono::seconds kSettleLimit{5};

struct Devices {
  Devices(const MachineConfig& config, Doorbell::Raise raise)
      : serial(GUEST_PORT_SERIAL, config.console), doorbell(std::move(raise)) {
    bus.attach(GUEST_PORT_PIO, 1, idle);  // first: the one in the hottest loop
    bus.attach(GUEST_PORT_DOORBELL_DELAY, 8, doorbell);
    bus.attach(GUEST_PORT_EXIT, 1, exit);
    bus.attach(GUEST_PORT_SERIAL, Serial16550::kPorts, serial);
  }

  IdlePort idle;
  ExitPort exit;
  Serial16550 serial;
  Doorbell doorbell;
  PortBus bus;
};

// One vCPU's sources of what the observer is told.
struct VcpuFeed {
  std::uint16_t index;
  StampReader stamps;
  LastStamps last_stamps;
  VcpuOutcome outcome;
  std::unique_ptr<SecondDeliveries> second_deliveries;
  std::unique_ptr<VcpuThread> thread;
};

class Drain {
 public:
  Drain(Observer& observer, RaiseLog& raised) : observer_(observer), raise_log_(raised) {}

  void running(std::vector<VcpuFeed>& feeds) {
    for (VcpuFeed& feed : feeds) {
      for (int round = 0; round < kMaxRounds && stamps(feed, feed.stamps.read()); ++round) {
      }
      for (int round = 0; round < kMaxRounds && marks(feed); ++round) {
      }
      for (int round = 0; round < kMaxRounds && steps(feed); ++round) {
      }
    }
    for (int round = 0; round < kMaxRounds && raised(); ++round) {
    }
    observer_.tick();
  }

  // After the vCPUs have ended: to the last one.
  void stopped(std::vector<VcpuFeed>& feeds) {
    for (VcpuFeed& feed : feeds) {
      while (stamps(feed, feed.stamps.read_stopped())) {
      }
      while (marks(feed)) {
      }
      while (steps(feed)) {
      }
    }
    while (raised()) {
    }
    observer_.tick();
  }

 private:
  // Each tells the observer one batch, and returns whether there was any.
  bool stamps(VcpuFeed& feed, const StampReader::Batch& batch) {
    if (batch.empty()) return false;
    feed.last_stamps.add(batch.stamps);
    feed.outcome.stamps_lost += batch.lost;
    observer_.stamps(feed.index, batch.stamps, batch.lost);
    return true;
  }

  bool marks(VcpuFeed& feed) {
    const auto batch = feed.thread->marks().pop(marks_);
    const std::uint64_t lost = feed.thread->marks().take_lost();
    if (batch.empty() && lost == 0) return false;
    feed.outcome.exits_lost += lost;
    observer_.exits_handled(feed.index, batch, lost);
    return true;
  }

  bool steps(VcpuFeed& feed) {
    const auto batch = feed.thread->steps().pop(steps_);
    const std::uint64_t lost = feed.thread->steps().take_lost();
    if (batch.empty() && lost == 0) return false;
    observer_.steps_done(feed.index, batch, lost);
    return true;
  }

  bool raised() {
    const auto batch = raise_log_.take(raised_);
    const std::uint64_t lost = raise_log_.take_lost();
    if (batch.empty() && lost == 0) return false;
    observer_.interrupts_raised(batch, lost);
    return true;
  }

  Observer& observer_;
  RaiseLog& raise_log_;
  std::array<ExitHandled, kBatch> marks_{};
  std::array<StepDone, kBatch> steps_{};
  std::array<InterruptRaised, kBatch / 16> raised_{};
};

// Copies what the guest has counted. A guest that lies costs nothing but wrong numbers.
Result<std::vector<guest_count>> read_counts(const GuestMemory& memory, std::uint32_t vcpu) {
  TRAPLINE_ASSIGN(counts, memory.read<guest_counts>(GUEST_COUNTS(std::uint64_t{vcpu})));
  std::vector<guest_count> used;
  std::copy_if(std::begin(counts.slots), std::end(counts.slots), std::back_inserter(used),
               [](const guest_count& slot) { return slot.kind != 0 && slot.count != 0; });
  return used;
}

std::optional<x86::TrapFrame> panic_frame(const GuestMemory& memory, std::uint64_t page_table_root) {
  const auto panic = memory.read<guest_panic>(GUEST_PANIC);
  if (!panic || panic->frame == 0) return std::nullopt;
  return x86::read_object<x86::TrapFrame>({memory.bytes(), page_table_root}, panic->frame);
}

// Of all vCPUs; zeros where one cannot be read.
std::vector<guest_shared> read_shared_pages(const GuestMemory& memory, std::size_t vcpus) {
  std::vector<guest_shared> pages;
  for (std::uint64_t vcpu = 0; vcpu < vcpus; ++vcpu)
    pages.push_back(memory.read<guest_shared>(GUEST_SHARED(vcpu)).value_or(guest_shared{}));
  return pages;
}

Status write_wait_bounds(const GuestMemory& memory, std::uint64_t vcpu, const WaitBounds& bounds,
                         std::uint64_t tsc_khz) {
  constexpr std::uint64_t kTicksPerSecond = 1000;
  TRAPLINE_ASSIGN(shared, memory.read<guest_shared>(GUEST_SHARED(vcpu)));
  shared.wait_rounds = bounds.rounds;
  shared.wait_ticks = static_cast<std::uint64_t>(bounds.at_least.count()) * tsc_khz * kTicksPerSecond;
  shared.wake_limit = bounds.wakes;
  return memory.write(GUEST_SHARED(vcpu), shared);
}

std::string report_crash(std::uint32_t index, const VcpuEnd& end, const Vcpu& vcpu, std::size_t vcpus,
                         const GuestMemory& memory, const KernelImage& image, const LastStamps& last_stamps) {
  CrashFacts facts;
  facts.vcpu = index;
  facts.reason = end.reason;
  // What cannot be read is left out: a report with less in it is better than none.
  if (const auto regs = vcpu.regs()) facts.regs = *regs;
  if (const auto sregs = vcpu.sregs()) facts.sregs = *sregs;
  if (end.panic_code && facts.sregs) facts.frame = panic_frame(memory, facts.sregs->cr3);
  if (end.panic_code == GUEST_PANIC_WAIT) {
    facts.reason += ": " + describe_wait(index, read_shared_pages(memory, vcpus));
  }
  facts.last_stamps = last_stamps.stamps();
  facts.symbol_at = [&image](std::uint64_t address) { return image.symbol_at(address); };
  return crash_report(facts);
}

}  // namespace

// The parts of Machine::run, in the order in which they are called.
class MachineRun {
 public:
  MachineRun(Machine& machine, Observer& observer)
      : surroundings_{machine.vm_,
                      machine.memory_,
                      machine.image_,
                      machine.page_table_root_,
                      machine.config_.vcpus,
                      [this](std::uint32_t vcpu) { kick(vcpu); },
                      raised_},
        devices_(machine.config_,
                 [this](RaiseKind kind) { return machine_.path_->raise(surroundings_, kind); }),
        machine_(machine),
        observer_(observer),
        drain_(observer, raised_),
        halt_watch_(machine.config_.waits.quiet_polls) {}

  // The path's own threads end before what they may kick. Devices' end by themselves, before those.
  ~MachineRun() {
    for (VcpuFeed& feed : feeds_)
      feed.thread->stop();
    devices_.doorbell.silence();
    machine_.path_->stop();
  }
  MachineRun(const MachineRun&) = delete;
  MachineRun& operator=(const MachineRun&) = delete;

  // Threads exist and wait; the observer knows them.
  Status prepare() {
    TRAPLINE_TRY(machine_.path_->start(surroundings_));
    feeds_.reserve(machine_.vcpus_.size());
    for (const Vcpu& vcpu : machine_.vcpus_) {
      const auto i = static_cast<std::uint16_t>(feeds_.size());
      TRAPLINE_ASSIGN(reader, StampReader::of_vcpu(machine_.memory_, i, machine_.config_.ring_stamps));
      TRAPLINE_ASSIGN(offset, vcpu.tsc_offset());
      TRAPLINE_ASSIGN(khz, vcpu.tsc_khz());
      TRAPLINE_TRY(write_wait_bounds(machine_.memory_, i, machine_.config_.waits, khz));
      std::unique_ptr<SecondDeliveries> again;
      if (machine_.config_.disturb.deliver_twice) {
        again = std::make_unique<SecondDeliveries>(vcpu, machine_.memory_);
        TRAPLINE_TRY(again->arm(machine_.path_->interrupt_entries(machine_.image_, i)));
      }
      auto thread = std::make_unique<VcpuThread>(
          i, VcpuThread::Surroundings{vcpu, *machine_.path_, devices_.bus, devices_.exit, again.get()},
          machine_.config_.steps);
      observer_.vcpu_started({.vcpu = i, .tid = thread->tid(), .tsc_offset = offset, .guest_tsc_khz = khz});
      VcpuOutcome outcome;
      outcome.tsc_offset_before = offset;
      feeds_.push_back({i, std::move(reader), {}, std::move(outcome), std::move(again), std::move(thread)});
    }
    return {};
  }

  // Until every vCPU has ended: the first that does ends the others, which would wait for ever.
  void run(const std::atomic<bool>& stop, std::chrono::milliseconds poll_interval) {
    for (VcpuFeed& feed : feeds_)
      feed.thread->enter_guest();
    if (machine_.config_.disturb.wake) poll_interval = std::chrono::milliseconds(1);
    bool stopping = false;
    while (!wait_ended(poll_interval)) {
      drain_.running(feeds_);
      if (stopping) continue;
      if (!any_ended()) see_to_halts();
      stopping = stop.load() || devices_.doorbell.error() || any_failed() || (any_ended() && others_sleep());
      if (!stopping) continue;
      for (VcpuFeed& feed : feeds_)
        feed.thread->stop();
    }
    drain_.stopped(feeds_);
    devices_.serial.flush();
  }

  Result<RunOutcome> outcome() {
    if (auto error = devices_.doorbell.error()) return fail(*std::move(error));
    RunOutcome outcome;
    outcome.end = RunOutcome::End::finished;
    for (VcpuFeed& feed : feeds_) {
      TRAPLINE_TRY(add_vcpu(feed, outcome));
    }
    return outcome;
  }

 private:
  bool wait_ended(std::chrono::milliseconds limit) {
    return std::all_of(feeds_.begin(), feeds_.end(),
                       [&](VcpuFeed& feed) { return feed.thread->wait_ended(limit); });
  }

  void see_to_halts() {
    std::vector<VcpuThread*> threads;
    for (const VcpuFeed& feed : feeds_)
      threads.push_back(feed.thread.get());
    if (machine_.config_.disturb.wake) {
      for (VcpuThread* thread : threads)
        thread->wake_for_nothing();
      return;  // they never sleep for good
    }
    if (!halt_watch_.poll(threads, devices_.doorbell.armed())) return;
    threads.front()->give_up(describe_endless_halt(read_shared_pages(machine_.memory_, feeds_.size())));
  }

  static bool has_ended(const VcpuFeed& feed) {
    return feed.thread->wait_ended(std::chrono::milliseconds(0));
  }

  bool any_ended() const { return std::any_of(feeds_.begin(), feeds_.end(), has_ended); }

  bool any_failed() const {
    return std::any_of(feeds_.begin(), feeds_.end(), [](const VcpuFeed& feed) {
      return has_ended(feed) && feed.thread->end().kind != VcpuEnd::Kind::finished;
    });
  }

  // The vCPUs that are left answer IPIs, of which none will come any more. Each counts a halt before it
  // halts: one that was stopped between the two would have counted what it never did.
  bool others_sleep() {
    const auto now = std::chrono::steady_clock::now();
    if (!settle_until_) settle_until_ = now + kSettleLimit;
    std::vector<VcpuThread*> others;
    for (const VcpuFeed& feed : feeds_)
      if (!has_ended(feed)) others.push_back(feed.thread.get());
    return settling_.poll(others, false) || now > *settle_until_;
  }

  void kick(std::uint32_t vcpu) {
    if (vcpu < feeds_.size()) feeds_[vcpu].thread->kick();
  }

  // The port that a panic ends with is the same for all vCPUs: more of them may have seen its code.
  bool panicked_elsewhere(const VcpuFeed& feed) const {
    if (!feed.thread->end().panic_code) return false;
    const auto panic = machine_.memory_.read<guest_panic>(GUEST_PANIC);
    return panic && panic->vcpu != feed.index && panic->vcpu < feeds_.size() &&
           feeds_[panic->vcpu].thread->end().panic_code.has_value();
  }

  Status add_vcpu(VcpuFeed& feed, RunOutcome& outcome) {
    const std::uint16_t index = feed.index;
    const Vcpu& vcpu = machine_.vcpus_[index];
    VcpuOutcome& result = feed.outcome;
    TRAPLINE_ASSIGN(counts, read_counts(machine_.memory_, index));
    TRAPLINE_ASSIGN(stats, machine_.stats_[index].read());
    TRAPLINE_ASSIGN(offset, vcpu.tsc_offset());
    TRAPLINE_ASSIGN(shared, machine_.memory_.read<guest_shared>(GUEST_SHARED(std::uint64_t{index})));
    result.counts = std::move(counts);
    result.stats = std::move(stats);
    result.tsc_offset_after = offset;
    result.ring_waits = shared.waits;
    result.woken_for_nothing = feed.thread->woken_for_nothing();
    if (feed.second_deliveries) result.delivered_twice = feed.second_deliveries->count();

    const VcpuEnd& end = feed.thread->end();
    // The first vCPU's end is the run's; the others are stopped when it has come.
    if (end.kind == VcpuEnd::Kind::stopped && index == 0 && outcome.end == RunOutcome::End::finished) {
      outcome.end = RunOutcome::End::stopped;
    } else if (end.kind == VcpuEnd::Kind::crashed) {
      outcome.end = RunOutcome::End::guest_crashed;
      if (!panicked_elsewhere(feed)) {
        outcome.crash_report += report_crash(index, end, vcpu, feeds_.size(), machine_.memory_,
                                             machine_.image_, feed.last_stamps);
      }
    }
    outcome.loop_ns = std::max(outcome.loop_ns, static_cast<std::uint64_t>(feed.thread->ran_for().count()));
    outcome.vcpus.push_back(std::move(result));
    return {};
  }

  RaiseLog raised_;
  PathSurroundings surroundings_;
  Devices devices_;
  Machine& machine_;
  Observer& observer_;
  Drain drain_;
  HaltWatch halt_watch_;
  HaltWatch settling_{0};
  std::optional<std::chrono::steady_clock::time_point> settle_until_;  // once a vCPU has finished
  std::vector<VcpuFeed> feeds_;  // their threads end before the devices do
};

Result<RunOutcome> Machine::run(Observer& observer, const std::atomic<bool>& stop,
                                std::chrono::milliseconds poll_interval) {
  if (has_run_) return fail("a machine runs once");
  has_run_ = true;
  TRAPLINE_TRY(kick_signal::install());
  // This thread and the devices' do not take the signal; the vCPUs' threads unblock it for themselves.
  const kick_signal::Blocked blocked;
  MachineRun run(*this, observer);
  TRAPLINE_TRY(run.prepare());
  run.run(stop, poll_interval);
  return run.outcome();
}

}  // namespace trapline::vmm
