<?php
// Decides what of phpMyAdmin's folder is served: its few pages, and files that
// are no programs. Everything else of it is for PHP to read.
$path = rawurldecode(parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH) ?: '/');
$pages = ['/', '/index.php', '/url.php', '/show_config_errors.php', '/js/messages.php', '/themes.php'];
$files = '#^/(favicon\.ico|robots\.txt|(js|themes|doc/html)/.*\.(css|gif|html|ico|jpe?g|js|json|map|png|svg|txt|woff2?))$#i';

if (in_array($path, $pages, true)) {
    return false; // PHP serves it
}
if (preg_match($files, $path) && strpos($path, '..') === false) {
    return false;
}
http_response_code(404);
header('Content-Type: text/plain; charset=utf-8');
echo "There is no such page.\n";
