// A timeline's items as they come, for tests to look at.
#pragma once

#include <map>
#include <vector>

#include "tracer/timeline/feed.h"
#include "tracer/timeline/sink.h"

namespace trapline::tracer::test {

class CollectingSink : public TimelineSink {
 public:
  void state(std::uint16_t, const StateSlice& slice) override { states.push_back(slice); }
  void exit(std::uint16_t, const Exit& exit) override { exits.push_back(exit); }
  void step(std::uint16_t, const VmmStep& step) override { steps.push_back(step); }
  void halt(std::uint16_t, const Halt& halt) override { halts.push_back(halt); }
  void injection(std::uint16_t, const Injection& injection) override { injections.push_back(injection); }
  void isr_entered(std::uint16_t, const Isr& isr) override { entered.push_back(isr); }
  void isr(std::uint16_t, const Isr& isr) override { isrs.push_back(isr); }
  void event(std::uint16_t vcpu, const WorkloadEvent& event) override {
    events.push_back(event);
    event_vcpus.push_back(vcpu);
  }
  void interrupt(const Interrupt& interrupt) override { interrupts.push_back(interrupt); }
  void stamps_checked(std::uint16_t, const StampCheck& check) override { stamp_check = check; }

  std::vector<StateSlice> states;
  std::vector<Exit> exits;
  std::vector<VmmStep> steps;
  std::vector<Halt> halts;
  std::vector<Injection> injections;
  std::vector<Isr> entered;
  std::vector<Isr> isrs;
  std::vector<WorkloadEvent> events;
  std::vector<std::uint16_t> event_vcpus;
  std::vector<Interrupt> interrupts;
  StampCheck stamp_check;
};

// The items of a vector, one at a time.
template <typename T>
Feed<T> feed_of(std::vector<T> items) {
  return Feed<T>([items = std::move(items), next = std::size_t{0}](T& item) mutable {
    if (next == items.size()) return false;
    item = items[next++];
    return true;
  });
}

// A description that lives as long as the program.
inline const ExitDescription* description(const std::string& reason, Cause cause = Cause::guest,
                                          ExitSubject subject = {}, const std::string& key = {}) {
  static std::map<std::string, ExitDescription> made;
  const std::string name = reason + '/' + key + '/' + std::to_string(static_cast<int>(cause)) + '/' +
                           std::to_string(static_cast<int>(subject.kind)) + '/' +
                           std::to_string(subject.number);
  const auto [found, is_new] = made.try_emplace(name);
  if (is_new) {
    ExitDescription& what = found->second;
    what.reason = reason;
    what.key = key;
    what.cause = cause;
    what.subject = subject;
    what.halts = is_halt(what);
    what.index = static_cast<std::uint32_t>(made.size() - 1);
  }
  return &found->second;
}

}  // namespace trapline::tracer::test
