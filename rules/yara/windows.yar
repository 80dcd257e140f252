// Tools, configurations and traces of intruders on Windows.

rule sealbag_cobalt_strike_beacon_config
{
    meta:
        description = "configuration block of a Cobalt Strike beacon"
        author = "sealbag"
        level = "alert"
        score = 95
        why = "the block holds the server, the key and the watermark of whoever controls this host"
        not_proof = "penetration testers use it too: ask who was hired; in a memory image it may be a scanner's own data"
        reference = "https://attack.mitre.org/software/S0154/"
    strings:
        // settings 1 (type, short), 2 (port, short), 3 (sleep, int), big-endian: index, type, length, value
        $plain = { 00 01 00 01 00 02 00 ?? 00 02 00 01 00 02 ?? ?? 00 03 00 02 00 04 }
        $xor3 = { 69 68 69 68 69 6b 69 ?? 69 6b 69 68 69 6b ?? ?? 69 6a 69 6b 69 6d }
        $xor4 = { 2e 2f 2e 2f 2e 2c 2e ?? 2e 2c 2e 2f 2e 2c ?? ?? 2e 2d 2e 2c 2e 2a }
    condition:
        any of them
}

rule sealbag_credential_dumping_tool
{
    meta:
        description = "strings of a tool that reads passwords and tickets out of memory (Mimikatz and its kin)"
        author = "sealbag"
        level = "alert"
        score = 90
        why = "every account that logged on to this host must be taken as known to the intruder"
        not_proof = "not that it ran or what it got; detection rules and reports hold the same words"
        reference = "https://attack.mitre.org/software/S0002/"
    strings:
        $a = /sekurlsa::(logonpasswords|minidump|pth|tickets|ekeys|krbtgt)/ nocase ascii wide
        $b = /lsadump::(sam|secrets|dcsync|lsa|cache|trust)/ nocase ascii wide
        $c = /kerberos::(golden|ptt|list|purge)/ nocase ascii wide
        $d = /privilege::debu[g]/ nocase ascii wide
        $e = /gentilkiw[i]/ ascii wide
        $f = /Invoke-Mimikat[z]/ nocase ascii wide
        $g = /mimikat[z] (2|for)/ nocase ascii wide
    condition:
        filesize < 64MB and 3 of them
}

rule sealbag_credential_dump_command
{
    meta:
        description = "command that copies the memory of lsass or the hives with password hashes"
        author = "sealbag"
        level = "alert"
        score = 85
        why = "the copy holds the credentials of everybody who is logged on"
        not_proof = "not that it succeeded: look for the file it names; a rule or a manual may quote it"
        reference = "https://attack.mitre.org/techniques/T1003/"
    strings:
        $comsvcs = /rundll32(\.exe)?["']?\s{1,4}[^\n]{0,80}comsvcs(\.dll)?["']?\s{0,4},?\s{0,4}(MiniDump|#\s{0,4}\+?0{0,6}24)\s{1,4}[0-9%$(]/ nocase ascii wide
        $procdump = /procdump(64)?(\.exe)?["']?\s{1,4}[^\n]{0,60}-m[ap]\s{1,4}[^\n]{0,40}lsass(\.exe)?["']?\s{1,4}[^\s]{2,}/ nocase ascii wide
        $reg = /reg(\.exe)?["']?\s{1,4}save\s{1,4}["']?(hklm|HKEY_LOCAL_MACHINE)\\(sam|security)["']?\s{1,4}[^\s]{3,}/ nocase ascii wide
        $ntds = /ntdsutil(\.exe)?["']?\s{1,4}[^\n]{0,80}\bifm\b[^\n]{0,40}create\s{1,4}full\s{1,4}[^\s]{3,}/ nocase ascii wide
    condition:
        filesize < 64MB and any of them
}

rule sealbag_ransom_note
{
    meta:
        description = "text that says files are encrypted and asks for payment"
        author = "sealbag"
        level = "alert"
        score = 90
        why = "the note of an extortionist; where it lies, files near it are likely encrypted"
        not_proof = "not that files are encrypted: open some; a copy in a mail or report reads the same"
        reference = "https://attack.mitre.org/techniques/T1486/"
    strings:
        $done1 = /(all )?(of )?your (important |personal |company )?(files|documents|data|network|servers|databases)( and [a-z ]{3,30})? (have been|has been|are|were) (encrypted|locked|stolen and encrypted)/ nocase ascii wide
        $done2 = /we (have )?(encrypted|downloaded and encrypted|stolen) (all )?(of )?your (files|data|network)/ nocase ascii wide
        $way1 = /[a-z2-7]{16,56}\.onio[n]\b/ ascii wide
        $way2 = /\btor browser\b/ nocase ascii wide
        $way3 = /\b(bitcoins?|BTC|monero|XMR)\b/ ascii wide nocase
        $way4 = /(decrypt(ion)? (key|tool|software)|decryptor|private key|recovery key)/ nocase ascii wide
        $way5 = /(do not|don't) (rename|modify|try to (decrypt|recover)|contact (the )?police)/ nocase ascii wide
        $way6 = /(personal|unique|your) (id|key|identifier)\s{0,4}[:=]/ nocase ascii wide
    condition:
        filesize < 256KB and any of ($done*) and 3 of ($way*)
        and uint32(0) != 0x464c457f and uint16(0) != 0x5a4d
}

rule sealbag_lnk_starts_interpreter
{
    meta:
        description = "Windows shortcut that starts an interpreter with hidden or fetched code"
        author = "sealbag"
        level = "alert"
        score = 85
        why = "such shortcuts come in mails and on sticks: opening one runs the code"
        not_proof = "not that anybody opened it: look at prefetch and jump lists"
        reference = "https://attack.mitre.org/techniques/T1204/002/"
    strings:
        $shell = /(powershell|pwsh|mshta|wscript|cscript|rundll32|regsvr32|cmd)(\.exe)?/ nocase wide
        $how1 = /(-|\/)e(nc|ncodedcommand|c)?\s{1,4}["']?[A-Za-z0-9+\/]{40}/ nocase wide
        $how2 = /https?:\/\/[^\s"']{4}/ nocase wide
        $how3 = /-w(indowstyle)?\s{1,4}(hidden|1)\b/ nocase wide
        $how4 = /\b(iex|Invoke-Expression|DownloadString|FromBase64String|DownloadFile)\b/ nocase wide
        $how5 = /(javascript|vbscript):/ nocase wide
    condition:
        // [MS-SHLLINK] 2.1: HeaderSize 0x4C and LinkCLSID
        uint32(0) == 0x4c and uint32(4) == 0x00021401 and uint32(12) == 0xc0 and uint32(16) == 0x46000000
        and filesize < 1MB and $shell and any of ($how*)
}
