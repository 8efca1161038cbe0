<?php
// The environment that the public image knows, as far as carrels use it:
//   PMA_HOST, PMA_PORT      the server; localhost's port 3306 if unset
//   PMA_USER, PMA_PASSWORD  who to log in as; without PMA_USER people are asked
//   PMA_ABSOLUTE_URI        the address people use, if phpMyAdmin can't tell
$cfg['blowfish_secret'] = getenv('PMA_COOKIE_SECRET');
$cfg['PmaAbsoluteUri'] = getenv('PMA_ABSOLUTE_URI') ?: '';
$cfg['TempDir'] = '/tmp';
$cfg['VersionCheck'] = false;
$cfg['SendErrorReports'] = 'never';
// There is no configuration storage, and no need to say so on every page.
$cfg['PmaNoRelation_DisableWarning'] = true;

$cfg['Servers'][1] = [
    'host' => getenv('PMA_HOST') ?: '127.0.0.1',
    'port' => getenv('PMA_PORT') ?: '',
    'auth_type' => getenv('PMA_USER') ? 'config' : 'cookie',
    'user' => getenv('PMA_USER') ?: '',
    'password' => getenv('PMA_PASSWORD') ?: '',
    'AllowNoPassword' => true,
    'compress' => false,
];
