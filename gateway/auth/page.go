package auth

import (
	_ "embed"
	"html/template"
	"net/http"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/carrel-dev/carrel/gateway/limit"
	"github.com/carrel-dev/carrel/gateway/page"
)

// LoginPage is the content of a page of the login, in the language of the request.
type LoginPage struct {
	// Status is the HTTP status.
	Status int
	// Lang is "en" or "ja".
	Lang string
	// Title and Text are plain text.
	Title, Text string
	// Choices are links to continue with.
	Choices []Choice
	// Buttons are forms without fields.
	Buttons []Button
}

// Button is a form without fields on a LoginPage, which is posted to an address.
type Button struct{ Text, URL string }

// Choice is a link on a LoginPage.
type Choice struct{ Text, URL string }

// Render answers a request with a page. The package that lays out the gateway's other
// pages provides one.
type Render func(http.ResponseWriter, *http.Request, LoginPage)

//go:embed page.html
var plainText string

var plain = template.Must(template.New("page").Parse(plainText))

// Plain answers with a page without style.
func Plain(w http.ResponseWriter, _ *http.Request, p LoginPage) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", p.Lang)
	h.Set("Vary", "Accept-Language")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	w.WriteHeader(p.Status)
	_ = plain.Execute(w, p) // fails only if the visitor has left
}

// pageText is a page in both languages.
type pageText struct {
	status int
	// again adds a link that starts the login again.
	again bool
	// en and ja are a title and a text.
	en, ja [2]string
}

var (
	pageChoose = pageText{http.StatusOK, false,
		[2]string{"Log in", "Choose the account to log in with."},
		[2]string{"ログイン", "ログインに使うアカウントを選んでください。"}}
	pageEnded = pageText{http.StatusOK, false,
		[2]string{"You are logged out", "To come back, choose the account to log in with."},
		[2]string{"ログアウトしました", "もう一度使うには、アカウントを選んでログインしてください。"}}
	pageLogout = pageText{http.StatusOK, false,
		[2]string{"Log out", "Your carrel keeps your work. Carrels that are open in this browser are closed. To log out everywhere also ends your logins on all other computers."},
		[2]string{"ログアウト", "作業内容は保存されています。このブラウザで開いている環境は閉じられます。「すべての端末からログアウト」を選ぶと、ほかの端末でのログインも終了します。"}}
	pageLogoutEverywhere = pageText{http.StatusOK, false,
		[2]string{"Log out everywhere", ""},
		[2]string{"すべての端末からログアウト", ""}}
	pageLogoutHere = pageText{http.StatusServiceUnavailable, false,
		[2]string{"You are logged out here only", "Carrels that are open in this browser, and your other logins, could not be ended. Close the browser now. If you share this computer, tell whoever runs your course."},
		[2]string{"このページからのみログアウトしました", "このブラウザで開いている環境と、ほかの端末でのログインを終了できませんでした。すぐにブラウザを閉じてください。共用の端末のときは、授業の担当者に連絡してください。"}}
	pageLeaving = pageText{http.StatusOK, false,
		[2]string{"You are logged out here", "Next, the login service is asked to log you out as well."},
		[2]string{"ログアウトしました", "続いて、ログインサービスからもログアウトします。"}}
	pageNoSession = pageText{http.StatusUnauthorized, false,
		[2]string{"You are not logged in", "Open this address the way your course told you to; it is not open to be visited directly."},
		[2]string{"ログインしていません", "授業で案内されたアドレスから開いてください。"}}
	pageOver = pageText{http.StatusUnauthorized, true,
		[2]string{"Your login is over", "What you sent was not taken. Open the page again to log in, then send it anew."},
		[2]string{"ログインの有効期限が切れました", "送信した内容は受け付けられていません。ページを開き直してログインし、もう一度送信してください。"}}
	pageUnknownProvider = pageText{http.StatusNotFound, true,
		[2]string{"No such login", "This way to log in does not exist, or no longer."},
		[2]string{"そのログイン方法はありません", "このログイン方法は存在しないか、廃止されました。"}}
	pageTooOften = pageText{http.StatusTooManyRequests, true,
		[2]string{"Too many logins at a time", "Many logins were tried here at this moment. This page tries again by itself in a few seconds."},
		[2]string{"ログインが集中しています", "ログインの試行が集中しています。このページは数秒後に自動的に再試行します。"}}
	pageStale = pageText{http.StatusBadRequest, true,
		[2]string{"This login can't be finished", "It took too long, was finished before, or was begun in another browser. Try again; your browser must accept cookies."},
		[2]string{"ログインを完了できません", "時間切れ、完了済み、または別のブラウザで始めたログインです。Cookie を有効にして、やり直してください。"}}
	pageDenied = pageText{http.StatusForbidden, true,
		[2]string{"You were not logged in", "The login was cancelled or refused there. Try again, or ask whoever runs your course."},
		[2]string{"ログインできませんでした", "ログイン先で中止または拒否されました。やり直すか、授業の担当者に連絡してください。"}}
	pageFailed = pageText{http.StatusBadGateway, true,
		[2]string{"The login failed", "Something went wrong with the login. Try again; if it stays so, tell whoever runs your course. The cause is in the gateway's log."},
		[2]string{"ログインに失敗しました", "やり直しても失敗するときは、授業の担当者に連絡してください。原因はゲートウェイのログにあります。"}}
	pageProviderAway = pageText{http.StatusBadGateway, true,
		[2]string{"The login service does not answer", "Wait a minute, then try again. Carrels that are open already go on working."},
		[2]string{"ログインサービスが応答しません", "1 分ほど待ってからやり直してください。すでに開いている環境はそのまま使えます。"}}
	pageRefused = pageText{http.StatusForbidden, false,
		[2]string{"This identity is refused", "The proxy in front sent an identity that can't be used. Tell whoever runs your course; the cause is in the gateway's log."},
		[2]string{"この利用者名は使えません", "手前のプロキシから届いた利用者名を使えません。授業の担当者に連絡してください。"}}
	pageUnknownHost = pageText{http.StatusBadRequest, false,
		[2]string{"No such carrel", "The address you came from is not one of a carrel."},
		[2]string{"その環境はありません", "元のアドレスは、どの環境のものでもありません。"}}
	pageMisdirected = pageText{http.StatusMisdirectedRequest, false,
		[2]string{"Wrong address", "Nothing is served under this address. Check its spelling."},
		[2]string{"アドレスが違います", "このアドレスには何もありません。綴りを確かめてください。"}}
	pageElsewhere = pageText{http.StatusForbidden, false,
		[2]string{"Nothing was done", "The request was sent by a page of another site."},
		[2]string{"何も行いませんでした", "別のサイトのページから送られた要求です。"}}
	pageCookies = pageText{http.StatusRequestHeaderFieldsTooLarge, false,
		[2]string{"Too many cookies", "Pages left more cookies here than fit. They have been deleted: load this page again. If it comes back, tell whoever runs your course."},
		[2]string{"Cookie が多すぎます", "Cookie が上限を超えたため削除しました。ページを再読み込みしてください。繰り返すときは授業の担当者に連絡してください。"}}
)

// localized returns the page in the language of a request.
func (s pageText) localized(r *http.Request) LoginPage {
	text, lang, again := s.en, page.LanguageOf(r), "Try again"
	if lang == page.Japanese {
		text, again = s.ja, "やり直す"
	}
	p := LoginPage{Status: s.status, Lang: string(lang), Title: text[0], Text: text[1]}
	if s.again {
		p.Choices = []Choice{{again, "/"}}
	}
	return p
}

func (d *Desk) show(w http.ResponseWriter, r *http.Request, s pageText) {
	d.render(w, r, s.localized(r))
}

// fail answers with a page, and logs the cause, which the page does not show.
func (d *Desk) fail(w http.ResponseWriter, r *http.Request, err error, s pageText) {
	log.FromContext(r.Context()).Info("a login was not finished", "cause", err.Error(), "host", host(r))
	d.show(w, r, s)
}

// failed answers with a page as fail does. When too many callbacks of the address have
// failed, it answers 429 and logs nothing, so that nobody fills the log. Callbacks that
// do not fail never come here.
func (d *Desk) failed(w http.ResponseWriter, r *http.Request, err error, s pageText) {
	if !d.logins.failures.Allow(limit.Network(d.address(r)), d.now()) {
		d.tooOften(w, r, "/")
		return
	}
	d.fail(w, r, err, s)
}

// tooOften answers 429. The page goes to an address by itself after a few seconds; to its
// own if there is none.
func (d *Desk) tooOften(w http.ResponseWriter, r *http.Request, next string) {
	const after = "5"
	w.Header().Set("Retry-After", after)
	refresh := after
	if next != "" {
		refresh += "; url=" + next
	}
	w.Header().Set("Refresh", refresh)
	d.show(w, r, pageTooOften)
}

// leaveTo answers a form with a page that leads to another site. A redirect would not
// work: the pages' policy (form-action) keeps browsers from following it.
func (d *Desk) leaveTo(w http.ResponseWriter, r *http.Request, there string) {
	p := pageLeaving.localized(r)
	goOn := "Go on"
	if p.Lang == string(page.Japanese) {
		goOn = "進む"
	}
	p.Choices = []Choice{{goOn, there}}
	w.Header().Set("Refresh", "0; url="+there)
	d.render(w, r, p)
}

// unauthorized answers 401 to requests that can't be redirected to the login. Browsers
// get a page, and programs a line.
func (d *Desk) unauthorized(w http.ResponseWriter, r *http.Request) {
	if strings.Contains(r.Header.Get("Accept"), "text/html") && r.Header.Get("Upgrade") == "" {
		over := pageOver
		if len(d.order) == 0 { // the trusted proxy alone logs people in
			over = pageNoSession
		}
		d.show(w, r, over)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, "not logged in: open this address in a browser first", http.StatusUnauthorized)
}
