#include "sts/record.hpp"

#include "base/text.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace {

using base::Reason;
using namespace std::string_literals;
using Records = std::vector<std::string>;

void good(const Records& records, std::string_view want) {
    const auto got = sts::find_id(records);
    ASSERT_TRUE(got) << base::to_string(got.error()) << " for "
                     << (records.empty() ? "nothing" : records.front());
    EXPECT_EQ(*got, want);
}

void bad(const Records& records, Reason want) {
    const auto got = sts::find_id(records);
    ASSERT_FALSE(got) << "gave " << *got;
    EXPECT_EQ(base::to_string(got.error()), base::to_string(want))
        << (records.empty() ? "nothing" : records.front());
}

void invalid(std::string record) { bad({std::move(record)}, Reason::record_invalid); }
void none(std::string record) { bad({std::move(record)}, Reason::no_record); }

TEST(FindId, TakesValidRecords) {
    good({"v=STSv1; id=20160831085700Z;"}, "20160831085700Z");
    good({"v=STSv1; id=20160831085700Z"}, "20160831085700Z");
    good({"v=STSv1;id=a"}, "a");
    good({"v=STSv1;\t  id=a \t;  "}, "a");          // WSP around delimiters
    good({"v=STSv1; id=aBcDeF0123"}, "aBcDeF0123"); // case kept
    good({"v=STSv1; id=" + std::string(32, 'x')}, std::string(32, 'x'));
    good({"v=STSv1; id=a "}, "a");              // not in the ABNF; refusing would only harm
    good({"v=STSv1  ;id=foo"}, "foo");          // erratum 6285
    good({"v=STSv1; foo=bar; id=abc;"}, "abc"); // order is free
    good({"v=STSv1; id=a; u=https://x.example/?q:1,2!<>"}, "a");
    good({"v=STSv1; id=a; " + std::string(32, 'n') + "=1"}, "a");
    good({"v=STSv1; id=a; 1_-.=1"}, "a");
    good({"v=STSv1; id=a; v=STSv2;"}, "a"); // an extension named v
    good({"v=STSv1; id=a; id=b"}, "a");     // first wins
    good({"v=STSv1; id=a; id=b-c"}, "a");   // and the second is only an extension
    good({"v=STSv1; ID=x; id=a"}, "a");     // keys have case
}

TEST(FindId, RefusesInvalidRecords) {
    invalid("v=STSv1;"); // no field
    invalid("v=STSv1; ");
    invalid("v=STSv1; foo=bar"); // no id
    invalid("v=STSv1; ID=abc;"); // id has another name
    invalid("v=STSv1; id=");     // empty
    invalid("v=STSv1; id=" + std::string(33, 'x'));
    invalid("v=STSv1; id=a-b");
    invalid("v=STSv1; id=a_b");
    invalid("v=STSv1; id=a.b");
    invalid("v=STSv1; id=a b");
    invalid("v=STSv1; id = a"); // no WSP around '='
    invalid("v=STSv1; id=\"a\";");
    invalid("v=STSv1; id=caf\xc3\xa9;");
    invalid("v=STSv1; id=a-b; id=good"); // the first counts, good or not
    invalid("v=STSv1; id=a; id=");       // not a valid id, and not an extension
    invalid("v=STSv1;; id=a");           // empty field
    invalid("v=STSv1; id=a;;");
    invalid("v=STSv1; id=a; ;");
    invalid("v=STSv1; id=a; bogus"); // no '='
    invalid("v=STSv1; id=a; =x");    // no name
    invalid("v=STSv1; id=a; x=");    // no value
    invalid("v=STSv1; id=a; x==");   // '=' in the value
    invalid("v=STSv1; id=a; x=a b"); // space in the value
    invalid("v=STSv1; id=a; 1%=a");  // '%' in the name
    invalid("v=STSv1; id=a; _x=1");  // name begins with '_'
    invalid("v=STSv1; id=a; " + std::string(33, 'n') + "=1");
    invalid("v=STSv1; id=a; x=\x7f"); // DEL
    invalid("v=STSv1; id=a; x=caf\xc3\xa9");
    invalid("v=STSv1;\xc2\xa0id=a;"); // no-break space is no WSP
    invalid("v=STSv1; id=a\0b;"s);    // NUL
    invalid("v=STSv1; id=a;\r\n");    // CR and LF are no WSP
}

TEST(FindId, DiscardsOtherRecords) {
    bad({}, Reason::no_record);
    none("");
    none("v=STSv1"); // no ';': not a record, not an invalid one
    none("v=STSv1 id=a");
    none("v=STSv1\xc2\xa0;id=a");
    none("v=STSV1; id=a"); // version has case
    none("V=STSv1; id=a");
    none("v=STSv10; id=a");
    none("v=STSv2; id=a");
    none(" v=STSv1; id=a");
    none("\"v=STSv1; id=a\"");
    none("id=a; v=STSv1;");
    none("v=STSv1\\; id=a\\;");
    none("v=spf1 -all");
}

TEST(FindId, CountsAfterDiscarding) {
    good({"v=spf1 -all", "v=STSv1; id=a"}, "a");
    good({"v=STSv1; id=a", "", "v=DMARC1; p=none"}, "a");
    good({"v=STSv2; id=b", "v=STSv1; id=a"}, "a");
    bad({"v=STSv1; id=a", "v=STSv1; id=b"}, Reason::record_multiple);
    bad({"v=STSv1; id=a", "v=STSv1; id=a"}, Reason::record_multiple);  // equal ones, too
    bad({"v=STSv1; id=a", "v=STSv1;"}, Reason::record_multiple);       // an invalid one counts
    bad({"v=STSv1; id=a", "v=STSv1 ; id=b"}, Reason::record_multiple); // so does one with WSP
    bad({"v=spf1 -all", "v=STSv1;"}, Reason::record_invalid);
}

} // namespace
