# Says whether a Postfix on this host still names stsmapd's socket, and what to run about it; without one it says
# nothing. $1: "removal" before the package goes, "removed" afterwards. Changes nothing, never fails.
postfix_asks() (
    set +e
    command -v postconf > /dev/null || exit 0
    # Elements that lead to stsmapd: the packaged socket's path in any spelling, and where the configuration says
    # that the daemon listens.
    places='unix:[^:]*stsmapd/socketmap|inet:(127\.0\.0\.1|localhost|\[::1\]):8461'
    listen=$(stsmapd --dump-config 2> /dev/null | sed -n 's/^listen = \[\(.*\)\] #.*/\1/p' | tr -d '" ' | tr ',' '\n')
    for address in $listen; do
        case $address in
        unix:*) places="$places|unix:$(echo "${address#unix:}" | sed 's/[].[*^$()+?{|\\]/\\&/g')" ;;
        tcp:*) places="$places|inet:[^ ]*:${address##*:}" ;;
        esac
    done
    ours="^(proxy:)?socketmap:($places):"
    elements() { tr -s ' ,\t' '\n\n\n' | sed '/^$/d'; }
    folders=$(postmulti -l 2> /dev/null | awk '{ print $4 }')
    first=yes
    for folder in ${folders:-$(postconf -d -h config_directory 2> /dev/null)}; do
        written=$(postconf -c "$folder" -h smtp_tls_policy_maps 2> /dev/null) || continue
        where=$folder/main.cf
        element=$(postconf -c "$folder" -x -h smtp_tls_policy_maps 2> /dev/null | elements | grep -E "$ours")
        if [ -z "$element" ]; then
            where=$folder/master.cf
            element=$(postconf -c "$folder" -P 2> /dev/null |
                sed -n 's/^[^ ]*smtp_tls_policy_maps = *//p' | elements | grep -E "$ours")
        fi
        [ -n "$element" ] || continue
        if [ $first = yes ]; then
            case $1 in
            removal) echo "stsmapd: Postfix still asks it, and WILL DEFER ALL MAIL when it is gone." ;;
            removed) echo "stsmapd: it is gone, and Postfix, which still asks it, DEFERS ALL MAIL." ;;
            esac
            first=no
        fi
        echo "  $where has $(echo "$element" | head -n 1)"
        instance=
        [ "$folder" = "$(postconf -d -h config_directory)" ] || instance=" -c $folder"
        [ "$1" = removed ] || echo "  Run this first:  stsmap postfix-setup --undo --reload$instance"
        # The rest of the list, for hosts that no longer have stsmap.
        rest=$(echo "$written" | elements | grep -vE "$ours" | paste -sd , | sed 's/,/, /g')
        case $where:$written in
        */master.cf:* | *'{'* | *'$'*) echo "  Without stsmap: take it out there, then:  postfix$instance reload" ;;
        *) echo "  Without stsmap:  postconf$instance -e 'smtp_tls_policy_maps = $rest' && postfix$instance reload" ;;
        esac
    done
    exit 0
)
