#include "wiring/settings.hpp"

#include <gtest/gtest.h>

namespace {

using State = dane::Validation::State;

config::Config with(config::Dane dane) {
    config::Config config;
    config.dane = dane;
    return config;
}

TEST(ServiceOptions, DaneIsLookedForWhereTheResolverValidates) {
    struct Row {
        State state;
        bool look, remembered;
        const char* status;
    };
    const Row rows[] = {
        {State::yes, true, true, "active"},
        {State::unknown, false, true, "inactive: whether the resolver validates is not known yet"},
        {State::no, false, false, "inactive: no AD bit"},
    };
    for (const Row& row : rows) {
        const auto options = app::service_options(with(config::Dane::automatic), {row.state, "no AD bit"});
        EXPECT_EQ(options.tuning.dane.active, row.look);
        EXPECT_EQ(options.tuning.dane.remembered, row.remembered);
        EXPECT_EQ(options.dane_status, row.status);
    }
}

TEST(ServiceOptions, DaneSwitchedOffIsTheReasonWhateverTheResolverCan) {
    for (const State state : {State::unknown, State::yes, State::no}) {
        const auto options = app::service_options(with(config::Dane::off), {state, "why"});
        EXPECT_FALSE(options.tuning.dane.active || options.tuning.dane.remembered);
        EXPECT_EQ(options.dane_status, "inactive: dane = \"off\"");
    }
}

} // namespace
