// Is a trusted validating resolver in use?
#include "dane/validation.hpp"

#include <gtest/gtest.h>

namespace {

using base::Reason;
using dane::Result;
using State = dane::Validation::State;

TEST(DaneValidation, Table) {
    const auto answer = [](bool authentic) {
        dns::Answer a;
        a.kind = dns::Answer::Kind::data;
        a.worth = authentic ? dns::Worth::secure : dns::Worth::insecure;
        return Result{a};
    };
    const auto failure = [](Reason reason) { return Result{base::unexpected(reason)}; };
    struct Row {
        Result from_signed;
        std::optional<Result> from_broken;
        State state;
        std::string why;
    };
    const Row rows[] = {
        {answer(true), {}, State::yes, "the root is answered with a trusted AD bit"},
        {answer(false), {}, State::no, "the root, which is signed, is answered without a trusted AD bit"},
        {failure(Reason::dns_timeout),
         {},
         State::unknown,
         "the lookup for the root, which is signed, failed: dns-timeout"},
        {answer(true), failure(Reason::dns_servfail), State::yes,
         "the root is answered with a trusted AD bit, b.example, whose signature is broken, is not"},
        {answer(true), answer(false), State::no, "b.example, whose signature is broken, is answered"},
        {answer(true), answer(true), State::no, "b.example, whose signature is broken, is answered"},
        {answer(true), failure(Reason::dns_timeout), State::unknown,
         "the lookup for b.example, whose signature is broken, failed: dns-timeout"},
        {answer(false), failure(Reason::dns_servfail), State::no,
         "the root, which is signed, is answered without a trusted AD bit"},
        {failure(Reason::dns_servfail), failure(Reason::dns_servfail), State::unknown,
         "the lookup for the root, which is signed, failed: dns-servfail"},
    };
    for (const Row& row : rows) {
        const auto verdict = dane::judge_validation("", row.from_signed, "b.example", row.from_broken);
        EXPECT_EQ(to_string(verdict.state), to_string(row.state)) << row.why;
        EXPECT_EQ(verdict.why, row.why);
    }
    EXPECT_EQ(dane::judge_validation("a.example", answer(true)).why,
              "a.example is answered with a trusted AD bit");
}

} // namespace
