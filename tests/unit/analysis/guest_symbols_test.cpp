#include "analysis/guest_symbols.h"

#include <gtest/gtest.h>

namespace trapline::analysis {
namespace {

constexpr std::string_view kSystemMap =
    "0000000000000000 D __per_cpu_start\n"
    "ffffffff81000000 T _text\n"
    "ffffffff81000000 T startup_64\n"
    "ffffffff81000100 t local_function\n"
    "ffffffff81000180 W weak_function\n"
    "ffffffff81000200 D a_table\n"
    "ffffffff81000300 T last_function\n";

std::string name_of(const GuestSymbols& symbols, std::uint64_t address) {
  const auto place = symbols.find(address);
  return place ? place->text() : "none";
}

GuestSymbols parsed(std::string_view text, std::uint64_t offset = 0) {
  auto symbols = GuestSymbols::parse(text, "System.map", offset);
  EXPECT_TRUE(symbols) << symbols.error().what;
  return symbols ? *std::move(symbols) : GuestSymbols{};
}

TEST(GuestSymbols, NameCodeByTheSymbolBeforeIt) {
  const GuestSymbols symbols = parsed(kSystemMap);
  EXPECT_EQ(name_of(symbols, 0xffffffff81000000), "_text+0x0") << "the first of several names";
  EXPECT_EQ(name_of(symbols, 0xffffffff810000ff), "_text+0xff");
  EXPECT_EQ(name_of(symbols, 0xffffffff81000100), "local_function+0x0");
  EXPECT_EQ(name_of(symbols, 0xffffffff81000181), "weak_function+0x1");
}

TEST(GuestSymbols, LeaveWhatIsInNoFunctionUnnamed) {
  const GuestSymbols symbols = parsed(kSystemMap);
  EXPECT_EQ(name_of(symbols, 0xffffffff81000210), "none") << "data";
  EXPECT_EQ(name_of(symbols, 0x401000), "none") << "the guest's user space";
  EXPECT_EQ(name_of(symbols, 0xffffffff81000300 + GuestSymbols::kLongestFunction - 1),
            "last_function+0xffff");
  EXPECT_EQ(name_of(symbols, 0xffffffff81000300 + GuestSymbols::kLongestFunction), "none")
      << "too far behind";
  EXPECT_EQ(name_of(GuestSymbols{}, 0xffffffff81000000), "none");
}

TEST(GuestSymbols, ReadKallsymsInAnyOrderWithModules) {
  const GuestSymbols symbols = parsed(
      "ffffffffc0000000 t vring_interrupt\t[virtio_ring]\r\n"
      "\n"
      "ffffffff81000000 T _text\n"
      "ffffffff81000010 T no_line_end_after_it");
  EXPECT_EQ(name_of(symbols, 0xffffffffc0000010), "vring_interrupt+0x10 [virtio_ring]");
  EXPECT_EQ(name_of(symbols, 0xffffffff81000012), "no_line_end_after_it+0x2");
}

TEST(GuestSymbols, MoveWithTheKernel) {
  EXPECT_EQ(name_of(parsed(kSystemMap, 0x1e000000), 0xffffffff9f000104), "local_function+0x4");
  EXPECT_EQ(name_of(parsed(kSystemMap, 0 - std::uint64_t{0x1000000}), 0xffffffff80000104),
            "local_function+0x4");
}

struct Refusal {
  const char* name;
  const char* text;
  const char* error;
};
class GuestSymbolsRefused : public testing::TestWithParam<Refusal> {};

TEST_P(GuestSymbolsRefused, NameTheFileTheLineAndTheRemedy) {
  const auto symbols = GuestSymbols::parse(GetParam().text, "dir/map");
  ASSERT_FALSE(symbols);
  EXPECT_NE(symbols.error().what.find("dir/map"), std::string::npos) << symbols.error().what;
  EXPECT_NE(symbols.error().what.find(GetParam().error), std::string::npos) << symbols.error().what;
  EXPECT_FALSE(symbols.error().remedy.empty());
  EXPECT_EQ(symbols.error().status, ExitStatus::wrong_usage);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, GuestSymbolsRefused,
    testing::Values(Refusal{"empty", "", "no symbols"},
                    Refusal{"no_address", "ffff T a\nhello T b\n", "line 2 is no symbol: \"hello T b\""},
                    Refusal{"no_name", "ffff T\n", "line 1"}, Refusal{"long_type", "ffff TT a\n", "line 1"},
                    Refusal{"too_long", "11112222333344445 T a\n", "line 1"},
                    Refusal{"more", "ffff T a b\n", "line 1"},
                    Refusal{"binary",
                            "\x7f"
                            "ELF\x01\x02 T a\n",
                            "line 1 is no symbol: \".ELF.."},
                    Refusal{"hidden", "0000000000000000 T a\n0000000000000000 t b\n", "all addresses are 0"}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace trapline::analysis
