#include "app/settings.hpp"

#include <gtest/gtest.h>

namespace {

using State = dane::Validation::State;

config::Config with(config::Dane dane) {
    config::Config config;
    config.dane = dane;
    return config;
}

TEST(ServiceOptions, dane_is_looked_for_until_the_resolver_shows_that_it_cannot_be_seen) {
    for (const State state : {State::unknown, State::yes}) {
        const auto options = app::service_options(with(config::Dane::automatic), {state, "why"});
        EXPECT_TRUE(options.tuning.dane);
        EXPECT_EQ(options.dane_status, "active");
    }
    const auto options = app::service_options(with(config::Dane::automatic), {State::no, "no AD bit"});
    EXPECT_FALSE(options.tuning.dane);
    EXPECT_EQ(options.dane_status, "inactive: no AD bit");
}

TEST(ServiceOptions, dane_switched_off_is_the_reason_whatever_the_resolver_can) {
    for (const State state : {State::unknown, State::yes, State::no}) {
        const auto options = app::service_options(with(config::Dane::off), {state, "why"});
        EXPECT_FALSE(options.tuning.dane);
        EXPECT_EQ(options.dane_status, "inactive: dane = \"off\"");
    }
}

} // namespace
