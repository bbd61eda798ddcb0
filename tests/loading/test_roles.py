"""Names of series as scanners and hospitals write them, and the roles they must get."""

import pytest

from imgcompare.loading.roles import Evidence, guess_role
from imgcompare.loading.words import contrast_in
from imgcompare.model import Acquisition, Role

MR_BY_TEXT = [
    ("t1_mprage_sag_p2_iso", Role.T1),
    ("t1_mprage_sag_p2_iso_KM", Role.T1C),
    ("T1 MPRAGE SAG", Role.T1),
    ("AX T1 POST GD", Role.T1C),
    ("AX T1 PRE", Role.T1),
    ("Ax T1 Pre Contrast", Role.T1),
    ("3D T1 +C", Role.T1C),
    ("3D T1 C+", Role.T1C),
    ("T1 C-", Role.T1),
    ("T1W_3D_TFE", Role.T1),
    ("T1W_3D_TFE GD", Role.T1C),
    ("sT1W_3D_TFE +C", Role.T1C),
    ("T1+C", Role.T1C),
    ("T1CE", Role.T1C),
    ("t1c", Role.T1C),
    ("t1n", Role.T1),
    ("T1gd", Role.T1C),
    ("AX BRAVO +C", Role.T1C),
    ("Sag 3D BRAVO", Role.T1),
    ("Ax FSPGR 3D", Role.T1),
    ("Ax 3D SPGR POST", Role.T1C),
    ("t1_se_tra nach KM", Role.T1C),
    ("t1_tse_tra_nativ", Role.T1),
    ("T1 axial sans injection", Role.T1),
    ("T1 axial avec injection", Role.T1C),
    ("T1 3D GADO", Role.T1C),
    ("T1 SIN CONTRASTE", Role.T1),
    ("T1 CON CONTRASTE", Role.T1C),
    ("T1 con civ", Role.T1C),
    ("T1 senza mdc", Role.T1),
    ("T1 dopo mdc", Role.T1C),
    ("T1 pós contraste", Role.T1C),
    ("T1 met contrast", Role.T1C),
    ("T1 zonder contrast", Role.T1),
    ("T1 增强", Role.T1C),
    ("T1 平扫", Role.T1),
    ("T1WI 造影", Role.T1C),
    ("Ax T1 w/o contrast", Role.T1),
    ("AX T1 W CONTRAST", Role.T1C),
    ("T1 non-contrast", Role.T1),
    ("T1 post op", Role.T1),
    ("T1 posterior fossa", Role.T1),
    ("t1_vibe_fs_tra_post", Role.T1C),
    ("t1_vibe_dixon_tra_W", Role.T1),
    ("eTHRIVE GD", Role.T1C),
    ("LAVA-Flex Pre", Role.T1),
    ("T1 FLAIR", Role.T1),
    ("Ax T1 FLAIR +C", Role.T1C),
    ("FLAIR", Role.FLAIR),
    ("t2_flair_tra", Role.FLAIR),
    ("Ax T2 FLAIR", Role.FLAIR),
    ("t2_tirm_tra_dark-fluid", Role.FLAIR),
    ("t2_spc_da-fl_sag_p2_iso dark-fluid", Role.FLAIR),
    ("3D FLAIR POST GD", Role.FLAIR),
    ("t2f", Role.FLAIR),
    ("Sag CUBE FLAIR", Role.FLAIR),
    ("T2 TSE", Role.T2),
    ("t2_tse_tra_512", Role.T2),
    ("AX T2", Role.T2),
    ("T2W_TSE", Role.T2),
    ("Ax T2 FRFSE", Role.T2),
    ("T2 BLADE", Role.T2),
    ("t2w", Role.T2),
    ("HASTE cor", Role.T2),
    ("SSFSE", Role.T2),
    ("ADC", Role.ADC),
    ("ep2d_diff_3scan_trace_ADC", Role.ADC),
    ("Apparent Diffusion Coefficient (mm2/s)", Role.ADC),
    ("dADC map", Role.ADC),
    ("ep2d_diff_3scan_trace", Role.DWI),
    ("DWI b1000", Role.DWI),
    ("Ax DWI", Role.DWI),
    ("ep2d_diff_mddw_20_TRACEW", Role.DWI),
    ("t2_fl2d_tra_hemo", Role.OTHER),
    ("T2* GRE", Role.OTHER),
    ("T2 star", Role.OTHER),
    ("SWI_Images", Role.OTHER),
    ("SWAN", Role.OTHER),
    ("TOF_3D_multi-slab", Role.OTHER),
    ("ep2d_perf", Role.OTHER),
    ("relCBV", Role.OTHER),
    ("T1 SUB", Role.OTHER),
    ("T1 subtraction", Role.OTHER),
    ("MIP T1 post", Role.OTHER),
    ("STIR cor", Role.OTHER),
    ("PD fs", Role.OTHER),
    ("gre_field_mapping", Role.OTHER),
    ("T1_Images MOLLI", Role.OTHER),
    ("eADC", Role.OTHER),
    ("3-plane localizer", Role.LOCALIZER),
    ("Localizer", Role.LOCALIZER),
    ("SURVEY", Role.LOCALIZER),
    ("AAHead_Scout", Role.LOCALIZER),
    ("loc", Role.LOCALIZER),
]


@pytest.mark.parametrize(("description", "role"), MR_BY_TEXT)
def test_mr_roles_by_description(description: str, role: Role) -> None:
    guess = guess_role(Evidence("MR", description))
    assert guess.role is role, guess.reason
    assert guess.reason


CT_BY_TEXT = [
    ("Abdomen nativ 5.0 B30f", Role.CT_PRE),
    ("NATIVE", Role.CT_PRE),
    ("Abdomen w/o", Role.CT_PRE),
    ("Non Contrast", Role.CT_PRE),
    ("PRE CONTRAST", Role.CT_PRE),
    ("pre", Role.CT_PRE),
    ("sans injection", Role.CT_PRE),
    ("ohne KM", Role.CT_PRE),
    ("unenhanced", Role.CT_PRE),
    ("arterial", Role.CT_ARTERIAL),
    ("Abdomen arteriell 3.0", Role.CT_ARTERIAL),
    ("late arterial phase", Role.CT_ARTERIAL),
    ("ART 1.25mm", Role.CT_ARTERIAL),
    ("Fase arteriosa", Role.CT_ARTERIAL),
    ("portal venous", Role.CT_PORTAL),
    ("Abdomen portalvenös 5.0", Role.CT_PORTAL),
    ("venous phase", Role.CT_PORTAL),
    ("PV 70s", Role.CT_PORTAL),
    ("temps portal", Role.CT_PORTAL),
    ("delayed", Role.CT_DELAYED),
    ("5 min delay", Role.CT_DELAYED),
    ("Spätphase", Role.CT_DELAYED),
    ("tardif", Role.CT_DELAYED),
    ("nephrographic", Role.CT_DELAYED),
    ("Thorax 1.0 B70f", Role.CT),
    ("CAP with contrast", Role.CT),
    ("Topogram 0.6", Role.LOCALIZER),
    ("Scout", Role.LOCALIZER),
    ("Monitoring 10.0", Role.OTHER),
    ("Premonitoring", Role.OTHER),
    ("SmartPrep", Role.OTHER),
    ("Dose Report", Role.OTHER),
]


@pytest.mark.parametrize(("description", "role"), CT_BY_TEXT)
def test_ct_roles_by_description(description: str, role: Role) -> None:
    guess = guess_role(Evidence("CT", description))
    assert guess.role is role, guess.reason


def parameters(
    sequence: str,
    tr: float,
    te: float,
    ti: float | None = None,
    flip: float = 90,
    variant: str = "",
) -> Acquisition:
    return Acquisition(
        scanning_sequence=sequence,
        sequence_variant=variant,
        repetition_time_ms=tr,
        echo_time_ms=te,
        inversion_time_ms=ti,
        flip_angle_deg=flip,
    )


@pytest.mark.parametrize(
    ("acquisition", "role"),
    [
        (parameters("GR\\IR", 2300, 2.98, 900, 9, "SP\\MP"), Role.T1),
        (parameters("GR", 7.5, 3.1, None, 12), Role.T1),
        (parameters("SE", 550, 12), Role.T1),
        (parameters("SE", 4500, 95), Role.T2),
        (parameters("SE\\IR", 9000, 110, 2500), Role.FLAIR),
        (parameters("SE\\IR", 5000, 390, 1800, 120), Role.FLAIR),
        (parameters("SE\\IR", 2000, 9, 860), Role.T1),
        (parameters("SE\\IR", 4000, 40, 160), Role.OTHER),
        (parameters("GR", 600, 20, None, 20), Role.OTHER),
        (parameters("EP\\SE", 5000, 90), Role.OTHER),
        (Acquisition(), Role.OTHER),
    ],
)
def test_mr_roles_by_parameters_when_text_says_nothing(
    acquisition: Acquisition, role: Role
) -> None:
    assert guess_role(Evidence("MR", "Series 4", acquisition=acquisition)).role is role


def test_text_against_parameters_is_doubtful() -> None:
    guess = guess_role(Evidence("MR", "AX T1", acquisition=parameters("SE", 4500, 95)))
    assert guess.role is Role.T1
    assert "TE 95" in guess.doubt
    agreeing = guess_role(Evidence("MR", "AX T1", acquisition=parameters("SE", 550, 12)))
    assert not agreeing.doubt


def test_protocol_name_counts_where_the_description_is_silent() -> None:
    guess = guess_role(Evidence("MR", "Series 5", protocol="t2_tse_tra"))
    assert guess.role is Role.T2
    assert "protocol" in guess.reason
    assert guess_role(Evidence("MR", "ADC", protocol="DIFF B500")).role is Role.ADC


@pytest.mark.parametrize(
    ("image_type", "role"),
    [
        (("DERIVED", "SECONDARY", "ADC"), Role.ADC),
        (("ORIGINAL", "PRIMARY", "DIFFUSION", "NONE"), Role.DWI),
        (("ORIGINAL", "PRIMARY", "P", "ND"), Role.OTHER),
        (("DERIVED", "PRIMARY", "MIN IP"), Role.OTHER),
        (("ORIGINAL", "PRIMARY", "LOCALIZER"), Role.LOCALIZER),
        (("ORIGINAL", "PRIMARY", "M", "ND"), Role.T1),
    ],
)
def test_image_type_counts_before_text(image_type: tuple[str, ...], role: Role) -> None:
    assert guess_role(Evidence("MR", "T1", image_type=image_type)).role is role


@pytest.mark.parametrize(
    ("agent", "seconds", "description", "role"),
    [
        ("Gadovist", None, "T1 MPRAGE", Role.T1C),
        (None, None, "T1 MPRAGE", Role.T1),
        ("Gadovist", None, "T1 MPRAGE pre", Role.T1),
        ("Gadovist", 300.0, "T1 MPRAGE", Role.T1C),
        ("Gadovist", -120.0, "T1 MPRAGE", Role.T1),
        (None, None, "T1 MPRAGE post", Role.T1C),
    ],
)
def test_contrast_by_tags(
    agent: str | None, seconds: float | None, description: str, role: Role
) -> None:
    facts = Acquisition(contrast_agent=agent, seconds_after_contrast=seconds)
    assert guess_role(Evidence("MR", description, acquisition=facts)).role is role


@pytest.mark.parametrize(
    ("seconds", "role"),
    [
        (-30.0, Role.CT_PRE),
        (25.0, Role.CT_ARTERIAL),
        (40.0, Role.CT_ARTERIAL),
        (50.0, Role.CT_ARTERIAL),
        (51.0, Role.CT_PORTAL),
        (70.0, Role.CT_PORTAL),
        (120.0, Role.CT_PORTAL),
        (121.0, Role.CT_DELAYED),
        (300.0, Role.CT_DELAYED),
        (None, Role.CT),
    ],
)
def test_ct_phase_by_delay_after_injection(seconds: float | None, role: Role) -> None:
    facts = Acquisition(contrast_agent="Ultravist", seconds_after_contrast=seconds)
    guess = guess_role(Evidence("CT", "Abdomen 3.0", acquisition=facts))
    assert guess.role is role


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("T1 w/o and w contrast", None),
        ("pre and post contrast", None),
        ("magnetization transfer contrast", None),
        ("T1 presat", None),
        ("post RT follow-up", None),
        ("preop navigation", None),
        ("", None),
    ],
)
def test_words_that_do_not_tell_about_contrast(text: str, expected: bool | None) -> None:
    assert contrast_in(text)[0] is expected


def test_other_modalities_have_no_role_but_their_own() -> None:
    assert guess_role(Evidence("PT", "WB AC")).role is Role.PET
    assert guess_role(Evidence("US", "T1")).role is Role.OTHER
