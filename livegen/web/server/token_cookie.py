"""The token of an address, moved into a cookie: there it is in no history, no bookmark and no log."""

from http import HTTPStatus

from starlette.responses import Response

from livegen.web.server.door import COOKIE, Knock, query_token, shows_token, without_token


def move_token(path: str, knock: Knock, token: str) -> Response | None:
    """Return the answer to who asks for a page with a token in its address, or None if there is none in it.

    Parameters
    ----------
    path : str
        Of the page, to which the answer leads again.
    knock : Knock
    token : str
        The right one: no other is kept.
    """
    if not query_token(knock.query):
        return None
    query = without_token(knock.query)
    place = f"{path}?{query}" if query else path
    response = Response(status_code=HTTPStatus.SEE_OTHER, headers={"cache-control": "no-store", "location": place})
    if shows_token(knock, token):
        response.set_cookie(COOKIE, token, httponly=True, samesite="strict")
    return response
