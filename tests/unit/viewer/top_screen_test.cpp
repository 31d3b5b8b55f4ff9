#include "viewer/tables/top_screen.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "viewer/json/top_json.h"

namespace trapline::viewer {
namespace {

using testing::HasSubstr;
using testing::Not;
using tracer::LiveView;

tracer::LiveInterval busy(std::uint16_t vcpus) {
  tracer::LiveInterval interval;
  interval.from_ns = 1'000'000'000;
  interval.to_ns = 2'000'000'000;
  interval.vms = {{0, 4711, "a virtual machine with a name that is far too long\x1b[2J"}};
  for (std::uint16_t number = 0; number < vcpus; ++number) {
    tracer::LiveVcpu vcpu;
    vcpu.number = vcpu.vcpu_id = number;
    vcpu.tid = 5000u + number;
    vcpu.lived_ns = 1'000'000'000;
    vcpu.guest_ns = 600'000'000;
    vcpu.kvm_ns = 100'000'000;
    vcpu.user_ns = 100'000'000;
    vcpu.halted_ns = 200'000'000;
    interval.vcpus.push_back(vcpu);
    for (const char* reason : {"io", "hlt", "npf"}) {
      tracer::LiveExits exits;
      exits.vcpu = number;
      exits.reason = reason;
      exits.halts = exits.reason == "hlt";
      if (exits.reason == "io") exits.io = tracer::IoAccess{static_cast<std::uint16_t>(0x3f8 + number), 1};
      exits.figures.count = exits.reason == "npf" ? 2'000'000 : 1234;
      exits.figures.total_ns = 200'000'000;
      exits.figures.max_ns = exits.reason == "npf" ? 100 : 9'876'543;
      exits.time_ns = exits.halts ? 200'000'000 : 100'000'000;
      interval.exits.push_back(exits);
    }
  }
  interval.vectors = {{0, 0x40, 100, 101, 0, {}}, {0, 3u << 8 | 14, 3, 0, 0, {}}};
  interval.losses.exits_without_row = 17;
  return interval;
}

std::vector<std::string> lines_in(const std::string& screen) {
  std::vector<std::string> lines;
  std::istringstream stream(screen);
  for (std::string line; std::getline(stream, line);)
    lines.push_back(line);
  return lines;
}

TEST(TopScreen, IsNeverWiderOrHigherThanAsked) {
  const auto interval = busy(100);
  for (const ScreenSize size : {ScreenSize{80, 24}, ScreenSize{40, 10}, ScreenSize{200, 50}, ScreenSize{1, 1},
                                ScreenSize{10, 3}, ScreenSize{17, 4}, ScreenSize{500, 200}}) {
    for (const auto& view : tracer::kLiveViews) {
      for (const bool help : {false, true}) {
        TopState state;
        state.view = view.view;
        state.help = help;
        const std::string screen = top_screen(&interval, state, recording::TimeKind::emulated, size);
        const auto lines = lines_in(screen);
        EXPECT_LE(lines.size(), size.height) << view.name << " " << size.width;
        EXPECT_EQ(std::ranges::count(screen, '\n') + 1, size.height) << "filled to the last line";
        for (const std::string& line : lines) {
          EXPECT_LE(line.size(), size.width) << line;
          for (const char c : line)
            EXPECT_TRUE(c >= ' ' && c <= '~') << "a control character: " << line;
        }
      }
    }
  }
}

TEST(TopScreen, EveryColumnFitsInto80) {
  const auto interval = busy(2);
  const auto screen = top_screen(&interval, {}, recording::TimeKind::real, {80, 24});
  EXPECT_THAT(screen, HasSubstr("exit reasons"));
  for (const char* column : {"/s", "time%", "user%", "avg", "p50", "p99", "max"})
    EXPECT_THAT(screen, HasSubstr(std::string(" ") + column)) << column;
  EXPECT_THAT(screen, HasSubstr("9.88ms"));
  EXPECT_THAT(screen, HasSubstr("exits not told apart"));
  EXPECT_THAT(screen, HasSubstr(": 17 now, 0 before"));
  EXPECT_THAT(screen, HasSubstr("hlt (waits)"));
  EXPECT_THAT(screen, HasSubstr("q quit"));
}

TEST(TopScreen, LongNamesAreCutAndWhatFollowsThemIsNot) {
  const auto interval = busy(1);
  TopState state;
  state.view = LiveView::vcpu;
  EXPECT_THAT(top_screen(&interval, state, recording::TimeKind::real, {80, 24}), HasSubstr(".. 0 5000"));
  state.view = LiveView::vm;
  EXPECT_THAT(top_screen(&interval, state, recording::TimeKind::real, {80, 24}), HasSubstr(".. 4711"));
}

TEST(TopScreen, WhatDoesNotFitIsCounted) {
  const auto interval = busy(100);
  TopState state;
  state.view = LiveView::vcpu;
  const auto screen = top_screen(&interval, state, recording::TimeKind::real, {80, 24});
  EXPECT_THAT(screen, HasSubstr("... 82 more"));
}

TEST(TopScreen, EmulatedTimeIsLabelled) {
  const auto interval = busy(1);
  EXPECT_THAT(top_screen(&interval, {}, recording::TimeKind::emulated, {80, 24}),
              HasSubstr("emulated machine"));
  EXPECT_THAT(top_block(interval, {}, recording::TimeKind::counted), HasSubstr("counted time"));
  EXPECT_THAT(top_screen(&interval, {}, recording::TimeKind::real, {80, 24}), Not(HasSubstr("emulated")));
}

TEST(TopScreen, SaysWhenThereIsNothing) {
  EXPECT_THAT(top_screen(nullptr, {}, recording::TimeKind::real, {80, 24}), HasSubstr("measuring"));
  tracer::LiveInterval empty;
  empty.to_ns = 1;
  EXPECT_THAT(top_screen(&empty, {}, recording::TimeKind::real, {80, 24}), HasSubstr("no VM runs"));
}

TEST(TopScreen, SortsWithHaltsLast) {
  const auto interval = busy(1);
  const auto first = [&](TopSort sort) {
    return sorted_lines(interval, LiveView::reason, sort).front().name;
  };
  EXPECT_EQ(first(TopSort::rate), "npf");
  EXPECT_EQ(first(TopSort::max), "io");
  EXPECT_EQ(first(TopSort::name), "hlt");
  EXPECT_EQ(sorted_lines(interval, LiveView::reason, TopSort::time).back().name, "hlt")
      << "it has most of the time";
}

TEST(TopJson, OneLineWithEveryView) {
  const std::string line = top_json(busy(2), recording::TimeKind::emulated);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const auto document = nlohmann::json::parse(line);
  EXPECT_EQ(document["schema"], "trapline.top/1");
  EXPECT_EQ(document["time"]["kind"], "emulated");
  EXPECT_EQ(document["lost"]["exits_not_told_apart"], 17);
  EXPECT_EQ(document["exits"], 2 * (1234 + 1234 + 2'000'000));
  EXPECT_EQ(document["reasons"].size(), 3u);
  EXPECT_EQ(document["ports"].size(), 2u);
  EXPECT_EQ(document["vectors"][0]["injected"], 100);
  EXPECT_EQ(document["vcpus"][1]["states"]["guest"], 600'000'000);
  EXPECT_EQ(document["vms"][0]["pid"], 4711);
}

TEST(TopState, KeysChooseViews) {
  TopState state;
  for (const auto& view : tracer::kLiveViews) {
    state = pressed(state, view.key);
    EXPECT_EQ(state.view, view.view);
  }
  EXPECT_EQ(pressed(state, 'x'), state) << "a key that means nothing";
}

TEST(TopState, EveryOtherKey) {
  TopState state;
  EXPECT_TRUE(pressed(state, 'q').quit);
  EXPECT_TRUE(pressed(state, ' ').paused);
  EXPECT_FALSE(pressed(pressed(state, ' '), ' ').paused);
  EXPECT_TRUE(pressed(state, 'h').help);
  EXPECT_FALSE(pressed(pressed(state, '?'), 'r').help);
  TopState sorted = state;
  for (std::size_t i = 0; i < kTopSorts.size(); ++i)
    sorted = pressed(sorted, 's');
  EXPECT_EQ(sorted, state) << "once round";
  EXPECT_EQ(pressed(state, 's').sort, TopSort::rate);
  EXPECT_EQ(pressed(state, '+').interval_ms, 2000u);
  EXPECT_EQ(pressed(state, '-').interval_ms, 500u);
  state.interval_ms = 100;
  EXPECT_EQ(pressed(state, '-').interval_ms, 100u);
  state.interval_ms = 3'600'000;
  EXPECT_EQ(pressed(state, '+').interval_ms, 3'600'000u);
  state.interval_ms = 1234;
  EXPECT_EQ(pressed(state, '-').interval_ms, 1000u);
}

}  // namespace
}  // namespace trapline::viewer
