// bare_vmm: the barest VMM there is, as something to record: guests of a few bytes whose exits are known to
// the last one. Prints what it did as one line of JSON. See --help.
#include <err.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <iostream>
#include <latch>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <thread>

#include "tests/support/bare_vmm/guest_code.h"
#include "tests/support/bare_vmm/vm.h"

namespace trapline::bare {
namespace {

using nlohmann::json;

struct Options {
  std::string work = "pio";
  std::uint32_t events = 1000;
  std::uint16_t port = 0x10;
  unsigned vcpus = 1;
  unsigned vms = 1;
  unsigned at_once = 1;
  std::string raise = "irqfd";
  bool foreign_raiser = false;
  bool grow = false;
  bool same_thread = false;
  bool migrate = false;
  bool thread_names = false;
  bool wait = false;
  bool hold = false;
};

const std::map<std::string, Raise> kRaises = {
    {"line", Raise::ioapic_line}, {"irqfd", Raise::ioapic_irqfd}, {"msi", Raise::msi_irqfd}};

// Moves the vCPU threads of all VMs from CPU to CPU as fast as it can.
class Migrator {
 public:
  explicit Migrator(bool wanted) {
    if (wanted) thread_ = std::thread([this] { move(); });
  }
  ~Migrator() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  void add(const Vm* vm) {
    const std::scoped_lock lock(mutex_);
    vms_.insert(vm);
  }
  void remove(const Vm* vm) {
    const std::scoped_lock lock(mutex_);
    vms_.erase(vm);
  }
  [[nodiscard]] std::uint64_t moves() const { return moves_; }

 private:
  void move() {
    const unsigned cpus = std::thread::hardware_concurrency();
    for (unsigned next = 0; !stop_; ++next) {
      {
        const std::scoped_lock lock(mutex_);
        for (const Vm* vm : vms_) {
          for (const pid_t thread : vm->threads()) {
            cpu_set_t one;
            CPU_ZERO(&one);
            CPU_SET(next % cpus, &one);
            if (::sched_setaffinity(thread, sizeof one, &one) == 0) ++moves_;
          }
        }
      }
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  }

  std::mutex mutex_;
  std::set<const Vm*> vms_;
  std::atomic<std::uint64_t> moves_ = 0;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

// Waits until the guest's handler told of the interrupt before it raises the next: none is ever merged with
// another.
void raise_all(const Vm& vm, int told, std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i) {
    vm.raise();
    std::uint64_t one = 0;
    if (::read(told, &one, sizeof one) < 0) err(1, "eventfd");
  }
}

// In a process that has neither the VM's memory nor its threads, as a vhost worker or another device's
// process.
void raise_from_elsewhere(const Vm& vm, int told, std::uint32_t count) {
  const pid_t child = ::fork();
  if (child == 0) {
    raise_all(vm, told, count);
    ::_exit(0);
  }
  ::waitpid(child, nullptr, 0);
}

class Run {
 public:
  explicit Run(const Options& options)
      : options_(options), migrator_(options.migrate), made_(options.at_once) {
    plan_ = {.work = find_work(options.work),
             .events = options.events,
             .port = options.port,
             .thread_names = options.thread_names,
             .gate = &gate_};
  }

  void all() {
    std::vector<std::thread> makers;
    for (unsigned i = 0; i < options_.at_once; ++i)
      makers.emplace_back([this] { make_vms(); });
    made_.wait();
    if (options_.wait) {
      std::cout << json{{"ready", true}, {"pid", ::getpid()}} << std::endl;
      std::string line;
      std::getline(std::cin, line);
    }
    const auto begin = std::chrono::steady_clock::now();
    gate_ = true;
    gate_.notify_all();
    for (std::thread& maker : makers)
      maker.join();
    took_ = std::chrono::steady_clock::now() - begin;
    if (!held()) print();
  }

 private:
  void make_vms() {
    for (unsigned i = 0; i < options_.vms; ++i) {
      Vm vm(plan_);
      migrator_.add(&vm);
      run_one(vm, i == 0);
      migrator_.remove(&vm);
      note(vm);
      if (held() && i + 1 == options_.vms) hold();
    }
  }

  void run_one(Vm& vm, bool first) {
    int told = -1;
    if (plan_.work->name == "interrupt") told = vm.connect(kRaises.at(options_.raise));
    const unsigned at_first = options_.grow ? 1 : options_.vcpus;
    if (!options_.same_thread) {
      for (unsigned i = 0; i < at_first; ++i)
        vm.start_vcpu();
    }
    if (first) made_.count_down();
    if (options_.same_thread) vm.run_vcpu_here();
    if (told >= 0) {
      gate_.wait(false);
      (options_.foreign_raiser ? raise_from_elsewhere : raise_all)(vm, told, plan_.events);
    }
    for (unsigned i = at_first; i < options_.vcpus; ++i) {
      while (!vm.half_done(i - 1))
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      vm.start_vcpu();
    }
    gate_.wait(false);
    if (plan_.work->name != "idle") vm.wait();
  }

  [[nodiscard]] bool held() const { return options_.hold || plan_.work->name == "idle"; }

  // Until standard input ends, with the VMs still there; several makers hold at once.
  void hold() {
    print();
    const std::scoped_lock lock(input_);
    while (std::cin.get() != EOF) {
    }
  }

  void note(const Vm& vm) {
    const std::scoped_lock lock(mutex_);
    json vcpus = json::array();
    for (const Count& count : vm.counts()) {
      std::map<std::string, std::uint64_t> exits;
      exits["io"] = count.port_writes + count.ends;
      if (plan_.work->name == "mmio") exits["npf"] = count.mmio_writes;
      if (plan_.work->name == "cpuid") exits["cpuid"] = plan_.events;
      if (plan_.work->name == "idle") exits["hlt"] = 1;
      for (const auto& [reason, many] : exits)
        totals_[reason] += many;
      vcpus.push_back({{"tid", count.tid}, {"exits", exits}});
    }
    vms_.push_back({{"vcpus", vcpus}});
  }

  void print() {
    const std::scoped_lock lock(mutex_);
    if (vms_.size() < std::size_t{options_.vms} * options_.at_once) return;
    std::cout << json{{"pid", ::getpid()},
                      {"vms", vms_},
                      {"exits", totals_},
                      {"moves", migrator_.moves()},
                      {"took_ns", took_.count()}}
              << std::endl;
  }

  Options options_;
  Plan plan_;
  std::atomic<bool> gate_ = false;
  Migrator migrator_;
  std::latch made_;
  std::chrono::nanoseconds took_ = {};  // from the first entry to the last exit; of held ones not known
  std::mutex input_;
  std::mutex mutex_;  // what follows
  json vms_ = json::array();
  std::map<std::string, std::uint64_t> totals_;
};

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Runs guests of a few bytes and prints as JSON which exits each vCPU made.");
  std::string works = "what each vCPU does:";
  std::set<std::string> names;
  for (const Work& work : bare::works()) {
    works += "\n  " + std::string(work.name) + ": " + std::string(work.what);
    names.emplace(work.name);
  }
  app.add_option("--work", options.work, works)->check(CLI::IsMember(names));
  app.add_option("--events", options.events, "how often each vCPU does it");
  app.add_option("--port", options.port, "the port that is written");
  app.add_option("--vcpus", options.vcpus, "vCPUs of each VM, each in its own thread")
      ->check(CLI::PositiveNumber);
  app.add_option("--vms", options.vms, "VMs, one after another, all opened and closed in this process");
  app.add_option("--at-once", options.at_once, "so many rows of VMs at the same time");
  app.add_option("--raise", options.raise, "interrupt: line (KVM_IRQ_LINE), irqfd (IOAPIC pin), msi (irqfd)")
      ->transform(CLI::IsMember(kRaises));
  app.add_flag("--foreign-raiser", options.foreign_raiser, "interrupt: raised by another process");
  app.add_flag("--grow", options.grow,
               "vCPUs after the first are made when the one before is half done (pio)");
  app.add_flag("--same-thread", options.same_thread, "one thread runs all the VMs of a row, one vCPU each");
  app.add_flag("--migrate", options.migrate, "moves the vCPU threads from CPU to CPU all the time");
  app.add_flag("--thread-names", options.thread_names, "names the vCPU threads as QEMU does");
  app.add_flag("--wait", options.wait, "says {\"ready\":true} with all VMs made, begins at a line on stdin");
  app.add_flag("--hold", options.hold, "keeps the last VMs until stdin ends");
  CLI11_PARSE(app, argc, argv);
  Run(options).all();
  return 0;
}

}  // namespace
}  // namespace trapline::bare

int main(int argc, char** argv) {
  return trapline::bare::main(argc, argv);
}
