// Web shells: a page of a web server that runs what its visitor sends.

rule sealbag_webshell_php_request_runs
{
    meta:
        description = "PHP page that runs what a request sends (web shell)"
        author = "sealbag"
        level = "alert"
        score = 90
        why = "whoever knows the page's address runs commands as the web server"
        not_proof = "not that anybody used it: look for requests to this page in the access logs"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
    strings:
        $php = /<\?(php|=)/ nocase
        $run = /\b(eval|assert|system|exec|passthru|shell_exec|popen|proc_open|pcntl_exec)\s{0,8}\(\s{0,8}(@|stripslashes\(|base64_decode\(|trim\(|urldecode\(|\s){0,4}\$_(GET|POST|REQUEST|COOKIE|SERVER)\b/ nocase
        $tick = /=\s{0,8}`\s{0,8}\$_(GET|POST|REQUEST|COOKIE)\[/ nocase
        $made = /create_function\s{0,8}\(\s{0,8}['"][^'"]{0,40}['"]\s{0,8},\s{0,8}\$_(GET|POST|REQUEST|COOKIE)/ nocase
    condition:
        filesize < 2MB and $php and ($run or $tick or $made)
}

rule sealbag_webshell_php_indirect
{
    meta:
        description = "PHP page that calls a function whose name and arguments a request sends"
        author = "sealbag"
        level = "alert"
        score = 80
        why = "the name of the function comes from outside, so a search for eval or system finds nothing"
        not_proof = "not that anybody used it; a badly written dispatcher looks alike"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
    strings:
        $php = /<\?(php|=)/ nocase
        $call = /\$_(GET|POST|REQUEST|COOKIE)\s{0,4}\[[^\]]{1,40}\]\s{0,4}\(\s{0,4}@?\$_(GET|POST|REQUEST|COOKIE)/ nocase
        $map = /\b(array_map|array_filter|call_user_func(_array)?|usort|register_shutdown_function)\s{0,4}\(\s{0,4}@?\$_(GET|POST|REQUEST|COOKIE)\s{0,4}\[/ nocase
    condition:
        filesize < 2MB and $php and any of ($call, $map)
}

rule sealbag_webshell_php_packed
{
    meta:
        description = "PHP page that unpacks code from text and runs it"
        author = "sealbag"
        level = "warning"
        score = 70
        why = "web shells hide their code this way"
        not_proof = "commercial PHP is protected alike: unpack it and read it"
        reference = "https://attack.mitre.org/techniques/T1027/"
    strings:
        $php = /<\?(php|=)/ nocase
        $packed = /\b(eval|assert)\s{0,8}\(\s{0,8}(@?\s{0,4}(gzinflate|gzuncompress|gzdecode|str_rot13|strrev|rawurldecode|base64_decode|hex2bin)\s{0,4}\(\s{0,4}){1,6}['"$]/ nocase
    condition:
        filesize < 4MB and $php and $packed
}

rule sealbag_webshell_jsp_request_runs
{
    meta:
        description = "JSP page that runs what a request sends (web shell)"
        author = "sealbag"
        level = "alert"
        score = 90
        why = "whoever knows the page's address runs commands as the application server"
        not_proof = "not that anybody used it: look for requests to this page in the access logs"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
    strings:
        $jsp = /<%[@!=\s]/
        $jspx = "<jsp:"
        $direct = /(\.exec|new\s{1,8}ProcessBuilder)\s{0,8}\(\s{0,8}[^;]{0,120}request\s{0,4}\.\s{0,4}get(Parameter|Header|QueryString)\s{0,4}\(/
        $exec = /getRuntime\s{0,4}\(\s{0,4}\)\s{0,4}\.\s{0,4}exec\s{0,4}\(|new\s{1,8}(java\.lang\.)?ProcessBuilder\s{0,4}\(/
        $ask = /request\s{0,4}\.\s{0,4}getParameter\s{0,4}\(\s{0,4}"(cmd|command|c|exec|pwd|pass|shell|comando)"/ nocase
        $show = "getInputStream"
    condition:
        filesize < 2MB and ($jsp or $jspx) and ($direct or ($exec and $ask and $show))
}

rule sealbag_webshell_jsp_class_loader
{
    meta:
        description = "JSP page that loads a Java class out of an encrypted request (Behinder, Godzilla)"
        author = "sealbag"
        level = "alert"
        score = 90
        why = "the commands travel encrypted, so that no log shows them"
        not_proof = "not what was run: the classes were in memory only"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
    strings:
        $jsp = /<%[@!=\s]/
        $jspx = "<jsp:"
        $loader = /extends\s{1,8}(java\.lang\.)?ClassLoader/
        $define = /\bdefineClass\s{0,4}\(/
        $crypt = /Cipher\s{0,4}\.\s{0,4}getInstance\s{0,4}\(\s{0,4}"AES/
        $ask = /request\s{0,4}\.\s{0,4}get(Reader|InputStream|Parameter)\s{0,4}\(/
    condition:
        filesize < 2MB and ($jsp or $jspx) and $loader and $define and $crypt and $ask
}

rule sealbag_webshell_aspx_process
{
    meta:
        description = "ASP.NET page that starts a process with what a request sends (web shell)"
        author = "sealbag"
        level = "alert"
        score = 90
        why = "whoever knows the page's address runs commands as the application pool"
        not_proof = "not that anybody used it: look for requests to this page in the IIS logs"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
    strings:
        $page = /<%\s{0,8}@\s{0,8}(Page|WebHandler|WebService|Import)\b/ nocase
        $start = /\b(ProcessStartInfo|Process\.Start)\b/
        $shell = /["'](cmd(\.exe)?|powershell(\.exe)?|\/c )/ nocase
        $ask = /Request(\.(Form|QueryString|Params|Headers|Item|Cookies))?\s{0,4}[\[\(]\s{0,4}"|\.Text\b|BinaryRead/
        $out = /\bStandardOutput\b/
    condition:
        filesize < 2MB and $page and $start and $shell and $ask and $out
}

rule sealbag_webshell_asp_eval_request
{
    meta:
        description = "ASP page that evaluates what a request sends (China Chopper and its kin)"
        author = "sealbag"
        level = "alert"
        score = 90
        why = "one line is a whole remote control; its client sends the code"
        not_proof = "not that anybody used it: look for POST requests to this page in the IIS logs"
        reference = "https://attack.mitre.org/software/S0020/"
    strings:
        $page = /<%|<script[^>]{1,80}runat\s{0,4}=\s{0,4}["']?server/ nocase
        $eval = /\b(eval|execute|executeglobal)\s{0,4}\(?\s{0,4}request(\.(item|form|querystring))?\s{0,4}[\[\(]\s{0,4}["']/ nocase
    condition:
        filesize < 1MB and $page and $eval
}
